package resource

// This file: how the instances of a virtual node are found.

// ServiceDiscovery is App Mesh's shape ServiceDiscovery: at most one member is set.
type ServiceDiscovery struct {
	AWSCloudMap *AWSCloudMapServiceDiscovery `json:"awsCloudMap"`
	DNS         *DNSServiceDiscovery         `json:"dns"`
}

// DNSServiceDiscovery is App Mesh's shape DnsServiceDiscovery.
type DNSServiceDiscovery struct {
	Hostname     string `json:"hostname"`
	IPPreference string `json:"ipPreference"` // as the mesh's; "": the mesh's counts
	ResponseType string `json:"responseType"` // LOADBALANCER or ENDPOINTS; "": LOADBALANCER
}

// AWSCloudMapServiceDiscovery is App Mesh's shape AwsCloudMapServiceDiscovery.
type AWSCloudMapServiceDiscovery struct {
	NamespaceName string                         `json:"namespaceName"`
	ServiceName   string                         `json:"serviceName"`
	Attributes    []AWSCloudMapInstanceAttribute `json:"attributes"`   // instances must have all of them
	IPPreference  string                         `json:"ipPreference"` // as the mesh's; "": the mesh's counts
}

// AWSCloudMapInstanceAttribute is App Mesh's shape AwsCloudMapInstanceAttribute.
type AWSCloudMapInstanceAttribute struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}
