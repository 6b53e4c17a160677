package environment

import "slices"

// Variable is one that App Mesh's image or Ownmesh knows.
type Variable struct {
	Name    string
	Default string // as one would write it; "" if there is none
	Means   string // what it does here
	Without string // or why it does nothing here: one of the two is ""
}

// Variables are all, those that do something first, in the order of the documentation. Whatever the image of App Mesh
// read is among them.
var Variables = slices.Concat(identity, program, telemetry, proxy, idle)

var identity = []Variable{
	{Name: "APPMESH_RESOURCE_ARN", Means: "the virtual node or gateway: `mesh/shop/virtualNode/cart`, or an ARN that ends so; required"},
	{Name: "APPMESH_RESOURCE_NAME", Means: "older name of the above"},
	{Name: "APPMESH_VIRTUAL_NODE_NAME", Means: "oldest name of the above"},
	{Name: "APPMESH_RESOURCE_CLUSTER", Default: "the resource", Means: "Envoy's `node.cluster`: what Zipkin and Jaeger call the service"},
	{Name: "APPMESH_VIRTUAL_NODE_CLUSTER", Means: "older name of the above"},
	{Name: "OWNMESH_INSTANCE", Default: "the connection's address", Means: "what tells this proxy from others of the same resource"},
	{Name: "AWS_REGION", Means: "region of the proxy's locality"},
	{Name: "OWNMESH_ZONE_ID", Means: "availability zone's id (`use1-az1`) of the proxy's locality"},
	{Name: "APPMESH_PLATFORM_K8S_VERSION", Means: "told to the relay in the node's metadata"},
	{Name: "APPMESH_PLATFORM_APP_MESH_CONTROLLER_VERSION", Means: "told to the relay in the node's metadata"},
	{Name: "APPMESH_PLATFORM_K8S_POD_UID", Means: "told to the relay in the node's metadata"},
	{Name: "ECS_CONTAINER_INSTANCE_ARN", Means: "told to the relay in the node's metadata"},
	{Name: "APPNET_FIPS_MODE_ENABLED", Default: "false", Means: "told to the relay in the node's metadata; it makes no Envoy FIPS-compliant"},
}

// What the sidecar program reads besides; `ownmesh bootstrap` has flags for what of it concerns a bootstrap.
var program = []Variable{
	{Name: "OWNMESH_API", Means: "sidecar: URL of Ownmesh's API, which gives tokens for the relay, and where the relay is. Without it the relay is on loopback and asks for none"},
	{Name: "OWNMESH_DIR", Default: "/run/ownmesh", Means: "sidecar: folder for the bootstrap and the token, for its owner alone"},
	{Name: "OWNMESH_ENVOY", Default: "envoy", Means: "sidecar: the Envoy to start"},
	{Name: "OWNMESH_LOG_LEVEL", Default: "info", Means: "sidecar: of its own log: debug, info, warn, error"},
	{Name: "OWNMESH_INTERCEPTION", Default: "transparent", Means: "sidecar: `explicit` for local addresses instead of redirects"},
	{Name: "OWNMESH_APPLICATION", Means: "sidecar, explicit: where the application listens: `8080=9080`, several with spaces between"},
	{Name: "OWNMESH_BIND", Default: "8080=0.0.0.0:8080", Means: "sidecar, explicit: where it accepts what is meant for a port"},
	{Name: "OWNMESH_SERVICES", Means: "sidecar, explicit: local addresses of backends: `stock.shop.local:80=7001`"},
	{Name: "OWNMESH_PROXY", Default: "127.0.0.1:15002", Means: "sidecar, explicit: the HTTP proxy that knows all HTTP backends by name"},
	{Name: "LISTENER_DRAIN_WAIT_TIME_S", Default: "20", Means: "sidecar: seconds that it goes on serving after SIGTERM, 0 to 3600; less than the task's stopTimeout"},
}

var telemetry = []Variable{
	{Name: "OWNMESH_METRICS_ADDRESS", Means: "a listener with `/stats/prometheus` and `/ready` alone: `IP:port`, or a port of 127.0.0.1. The sidecar program has one at 127.0.0.1:9902 in any case"},
	{Name: "ENABLE_ENVOY_STATS_TAGS", Default: "0", Means: "tags `appmesh.mesh` and `appmesh.virtual_node` or `appmesh.virtual_gateway` on all metrics"},
	{Name: "APPMESH_METRIC_EXTENSION_VERSION", Default: "0", Means: "1: the dimensions of App Mesh's metrics extension, see below"},
	{Name: "ENVOY_STATS_FLUSH_INTERVAL", Default: "5000ms", Means: "time between flushes to sinks"},
	{Name: "ENVOY_STATS_CONFIG_FILE", Means: "YAML with a `stats_config` of one's own, instead of all tags of this page"},
	{Name: "ENVOY_STATS_SINKS_CFG_FILE", Means: "YAML with `stats_sinks` of one's own, instead of StatsD and DogStatsD"},
	{Name: "ENABLE_ENVOY_DOG_STATSD", Default: "0", Means: "metrics to DogStatsD, with tags"},
	{Name: "ENABLE_ENVOY_STATSD", Default: "0", Means: "metrics to plain StatsD, everything in the name"},
	{Name: "STATSD_ADDRESS", Default: "127.0.0.1", Means: "IP address of either"},
	{Name: "STATSD_PORT", Default: "8125", Means: "UDP port of either"},
	{Name: "STATSD_SOCKET_PATH", Means: "datagram socket of either; goes before address and port"},
	{Name: "ENABLE_ENVOY_XRAY_TRACING", Default: "0", Means: "spans to an X-Ray daemon, by UDP"},
	{Name: "AWS_XRAY_DAEMON_ADDRESS", Default: "127.0.0.1:2000", Means: "its address: `IP`, `IP:port`, or `tcp:IP:port udp:IP:port`, of which UDP counts"},
	{Name: "XRAY_DAEMON_PORT", Default: "2000", Means: "its port, where the address has none"},
	{Name: "XRAY_SAMPLING_RATE", Default: "0.05", Means: "share of requests traced beyond one a second, 0 to 1"},
	{Name: "XRAY_SAMPLING_RULE_MANIFEST", Means: "file with sampling rules (version 2); goes before the rate"},
	{Name: "XRAY_SEGMENT_NAME", Default: "mesh/resource", Means: "the segments' name"},
	{Name: "ENABLE_ENVOY_JAEGER_TRACING", Default: "0", Means: "spans to Jaeger, in Zipkin's format"},
	{Name: "JAEGER_TRACER_ADDRESS", Default: "127.0.0.1", Means: "its host"},
	{Name: "JAEGER_TRACER_PORT", Default: "9411", Means: "its port"},
	{Name: "JAEGER_TRACER_VERSION", Default: "PROTO", Means: "spans as `PROTO` or `JSON`"},
	{Name: "ENABLE_ENVOY_ZIPKIN_TRACING", Default: "0", Means: "spans to Zipkin"},
	{Name: "ZIPKIN_TRACER_ADDRESS", Default: "127.0.0.1", Means: "its host"},
	{Name: "ZIPKIN_TRACER_PORT", Default: "9411", Means: "its port"},
	{Name: "ENABLE_ENVOY_DATADOG_TRACING", Default: "0", Means: "spans to a Datadog agent"},
	{Name: "DATADOG_TRACER_ADDRESS", Default: "127.0.0.1", Means: "its host"},
	{Name: "DATADOG_TRACER_PORT", Default: "8126", Means: "its port"},
	{Name: "DD_SERVICE", Default: "envoy-mesh/resource", Means: "the service's name in Datadog"},
	{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", Means: "spans by OTLP over gRPC to this collector, `http://host:4317`"},
	{Name: "OTEL_SERVICE_NAME", Default: "mesh/resource", Means: "the service's name in OpenTelemetry"},
	{Name: "OWNMESH_TRACED_SHARE", Default: "1", Means: "share of requests that begin a trace, 0 to 1, for any tracer; X-Ray takes its own share of those"},
	{Name: "ENVOY_TRACING_CFG_FILE", Means: "YAML with a `tracing` of one's own, instead of the tracers above"},
}

var proxy = []Variable{
	{Name: "APPMESH_XDS_ENDPOINT", Default: "127.0.0.1:15010", Means: "the relay: loopback, or `unix:///path`"},
	{Name: "ENVOY_INITIAL_FETCH_TIMEOUT", Default: "0", Means: "seconds to wait for the first configuration; 0 for ever"},
	{Name: "APPMESH_SDS_SOCKET_PATH", Means: "socket of the local SDS provider, for certificates by `sds`"},
	{Name: "ENVOY_CONFIG_FILE", Means: "a whole bootstrap to use as it is; the rest of this page is not rendered then"},
	{Name: "ENVOY_RESOURCES_CONFIG_FILE", Means: "YAML with further members of a bootstrap, merged in: clusters, listeners, secrets, sinks"},
	{Name: "ENVOY_ADMIN_MODE", Default: "tcp", Means: "admin interface by `tcp`, or `uds`: `/tmp/envoy_admin.sock`, for its owner alone"},
	{Name: "ENVOY_ADMIN_ACCESS_PORT", Default: "9901", Means: "its port, on loopback"},
	{Name: "ENVOY_ADMIN_ACCESS_ENABLE_IPV6", Default: "false", Means: "on `::1` instead of 127.0.0.1"},
	{Name: "ENVOY_ADMIN_ACCESS_LOG_FILE", Default: "/tmp/envoy_admin_access.log", Means: "log of requests to it"},
	{Name: "ENVOY_OUTLIER_DETECTION_EVENT_LOG_PATH", Default: "/dev/stdout", Means: "where ejections are logged"},
	{Name: "MAX_REQUESTS_PER_IO_CYCLE", Means: "requests of one connection that are taken up at once"},
	{Name: "ENVOY_LOG_LEVEL", Default: "info", Means: "argument `--log-level`"},
	{Name: "ENVOY_CONCURRENCY", Default: "-1", Means: "argument `--concurrency`: workers; -1 for one a core"},
	{Name: "DISABLE_HOT_RESTART", Default: "true", Means: "argument `--disable-hot-restart`"},
	{Name: "ENVOY_SKIP_DEPRECATED_LOGS", Default: "true", Means: "argument `--skip-deprecated-logs`"},
}

// Reasons that several share.
const (
	agentOnly   = "of App Mesh's agent, which watched and restarted Envoy; the container's own restarts and health check do that here"
	agentAPI    = "of the agent's own interface, which is not here: ask Envoy's admin interface, or OWNMESH_METRICS_ADDRESS"
	agentLog    = "of the agent's log files: Envoy logs to its standard output and error here"
	notAppMesh  = "of ECS Service Connect, not of App Mesh"
	noSignature = "calls to AWS's endpoint were signed; proxies connect to a relay here"
	gone        = "Envoy dropped the switch"
)

var idle = []Variable{
	{Name: "APPMESH_SIGNING_NAME", Without: noSignature},
	{Name: "APPMESH_PREVIEW", Without: noSignature},
	{Name: "APPMESH_DUALSTACK_ENDPOINT", Without: noSignature},
	{Name: "ENVOY_USE_HTTP_CLIENT_TO_FETCH_AWS_CREDENTIALS", Without: gone + ": it always uses its own client, and asks for no credentials here"},
	{Name: "APPMESH_SET_TRACING_DECISION", Without: gone + ": it always marks the decision in x-request-id"},
	{Name: "ENVOY_NO_EXTENSION_LOOKUP_BY_NAME", Without: gone + ": extensions always need their type"},
	{Name: "ENVOY_ENABLE_TCP_POOL_IDLE_TIMEOUT", Without: gone + ": idle upstream TCP connections always end after 10 minutes"},
	{Name: "APPNET_ENVOY_RESTART_COUNT", Without: agentOnly},
	{Name: "PID_POLL_INTERVAL_MS", Without: agentOnly},
	{Name: "HC_POLL_INTERVAL_MS", Without: agentOnly},
	{Name: "HC_DISCONNECTED_TIMEOUT_S", Without: agentOnly},
	{Name: "APPNET_AGENT_POLL_ENVOY_READINESS_INTERVAL_S", Without: agentOnly},
	{Name: "APPNET_AGENT_POLL_ENVOY_READINESS_TIMEOUT_S", Without: agentOnly},
	{Name: "APPNET_AGENT_ADMIN_MODE", Without: agentAPI},
	{Name: "APPNET_AGENT_HTTP_PORT", Without: agentAPI},
	{Name: "APPNET_AGENT_HTTP_BIND_ADDRESS", Without: agentAPI},
	{Name: "APPNET_AGENT_ADMIN_UDS_PATH", Without: agentAPI},
	{Name: "APPNET_AGENT_LOGGING_RESET_TIMEOUT", Without: agentAPI},
	{Name: "ENABLE_STATS_SNAPSHOT", Without: agentAPI},
	{Name: "APPNET_ENVOY_LOG_DESTINATION", Without: agentLog},
	{Name: "APPNET_ENVOY_LOG_NAME", Without: agentLog},
	{Name: "APPNET_AGENT_MAX_LOG_FILE_SIZE", Without: agentLog},
	{Name: "APPNET_AGENT_MAX_RETENTION_COUNT", Without: agentLog},
	{Name: "APPNET_ENABLE_RELAY_MODE_FOR_XDS", Without: notAppMesh},
	{Name: "APPNET_MANAGEMENT_DOMAIN_NAME", Without: notAppMesh},
	{Name: "APPNET_MANAGEMENT_PORT", Without: notAppMesh},
	{Name: "APPNET_RELAY_LISTENER_UDS_PATH", Without: notAppMesh},
	{Name: "RELAY_STREAM_IDLE_TIMEOUT", Without: notAppMesh},
	{Name: "RELAY_BUFFER_LIMIT_BYTES", Without: notAppMesh},
	{Name: "APPNET_CONTAINER_IP_MAPPING", Without: notAppMesh},
	{Name: "APPNET_LISTENER_PORT_MAPPING", Without: notAppMesh},
}
