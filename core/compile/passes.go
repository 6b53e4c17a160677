package compile

// pass is a kind of units.
type pass struct {
	run func(j *job, id unitID) any
}

// The passes, in the order in which they run. Each says what its units are about, and why it stands where it does.
const (
	// Inputs: the only units that know the mesh's resources as they are stored.
	pResource passNo = iota // a resource: a is its kind and parent, b its name
	pNames                  // the names below a parent: a is the kind, b the parent

	pCertificate // a certificate or an authority: a is its ARN

	// One resource, read: what is wrong in itself is found here, once, whoever uses it.
	pMesh         // the mesh
	pNode         // a virtual node
	pRouter       // a virtual router: its ports
	pRoute        // a route: a is the router
	pService      // a virtual service
	pGateway      // a virtual gateway
	pGatewayRoute // a gateway route: a is the gateway

	// Views of one resource, as narrow as their readers: a change elsewhere in the resource ends here.
	pNodePorts // how a virtual node is addressed
	pServes    // its inbound side
	pCalls     // its outbound side
	pOffer     // a listener of it, as callers see it
	pLimit     // how long a listener of it lets a request take
	pScope     // how connections reach the proxies in a scope: a is the scope
	pMode      // whether a proxy takes connections explicitly: a proxy's own scope counts more than the mesh's

	// References resolved, from the provider's end: nodes, then routes, routers, services.
	pInterception    // an interception against what it names
	pBound           // a route, its targets found
	pTables          // a router: what each of its ports does
	pServicePorts    // the ports that a service is called on
	pCheckService    // a service against its provider
	pTable           // what a service does on a port
	pClusters        // which listeners that leads to: weights and matches end here
	pPatience        // how long a gateway waits for it
	pBoundGateway    // a gateway route, its target found
	pPlan            // a virtual node's backends by port
	pGatewayPlan     // a gateway's routes and what they call
	pEdge            // a gateway's listeners that can be served
	pForgotten       // services whose requests are counted where they pass as unknown
	pNodePolicies    // the client policies by which a virtual node calls others
	pGatewayPolicies // the same of a gateway

	// Envoy's messages. First what many proxies share, then what they have of their own.
	pSecret           // a certificate or trust in files: a is the chain or the trust, b the key, if any
	pVirtualHost      // a service on a port, as bytes
	pEgressCluster    // a listener of a virtual node, for callers whose client policy is b
	pAmazon           // the cluster of AWS's own services
	pAllowAll         // the cluster of everything else
	pBackendRoutes    // explicit: routes of a service on a port, whatever the Host
	pIngress          // a node's inbound side
	pEgressListener   // a node's outbound listener
	pEgressRoutes     // a node's routes on a port
	pExplicitIngress  // explicit: a node's inbound side
	pExplicitEgress   // explicit: a node's outbound listeners
	pExplicitByName   // explicit: routes of the HTTP proxy
	pGatewayListeners // a gateway's listeners and its clusters to itself
	pExplicitGateway  // explicit: the same
	pFirstPass        // a gateway's routes to itself
	pSecondPass       // a gateway's routes to services

	// The proxies' sets: names of resources only, so what is in these may change without them.
	pProxy // a virtual node or gateway: a is its artifact.ProxyKey

	passCount
)

// passes says what each pass does.
func passes() []pass {
	list := make([]pass, passCount)
	for no, run := range map[passNo]func(*job, unitID) any{
		pResource: input, pNames: input, pCertificate: input,
		pMesh: readMesh, pNode: readNode, pRouter: readRouter, pRoute: readRoute, pService: readService,
		pGateway: readGateway, pGatewayRoute: readGatewayRoute,
		pNodePorts: nodePorts, pServes: serves, pCalls: calls, pOffer: offer, pLimit: requestLimit, pScope: scope, pMode: mode,
		pInterception: interception, pBound: bindRoute, pTables: tables, pServicePorts: servicePorts,
		pCheckService: checkService, pTable: table, pClusters: clusters, pPatience: patience,
		pBoundGateway: bindGatewayRoute, pPlan: plan, pGatewayPlan: gatewayPlan, pEdge: edge,
		pForgotten: forgotten, pNodePolicies: nodePolicies, pGatewayPolicies: gatewayPolicies, pSecret: secret,
		pVirtualHost: virtualHost, pEgressCluster: egressCluster, pAmazon: amazon, pAllowAll: allowAll,
		pBackendRoutes: backendRoutes, pIngress: ingress, pEgressListener: egressListener, pEgressRoutes: egressRoutes,
		pExplicitIngress: explicitIngress, pExplicitEgress: explicitEgress, pExplicitByName: explicitByName,
		pGatewayListeners: gatewayListeners, pExplicitGateway: explicitGateway, pFirstPass: firstPass,
		pSecondPass: secondPass, pProxy: proxy,
	} {
		list[no] = pass{run: run}
	}
	return list
}
