package events

// NodeMetadata is what a sidecar's bootstrap says of itself to the relay, as JSON under node.metadata["ownmesh"].
type NodeMetadata struct {
	// Instance tells apart the proxies of one node: an ECS task ARN, an instance id, a name. Without it the relay
	// takes the peer's address.
	Instance string `json:"instance,omitempty"`
	// Explicit, if not nil, asks for explicit interception: an address ("127.0.0.1:20001") for each place that the
	// compiled configuration leaves open. Its keys are the forms of artifact.Fill: bind/8080, application/8080,
	// service/cart.shop.local:8080, proxy, self.
	Explicit map[string]string `json:"explicit,omitempty"`
}

// MetadataKey is where NodeMetadata lies in node.metadata.
const MetadataKey = "ownmesh"
