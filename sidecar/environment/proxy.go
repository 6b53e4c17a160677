package environment

import (
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/ownmesh/ownmesh/sidecar/bootstrap"
)

// This file: who the proxy is, where its relay and admin interface are, and how Envoy is started.

func (r *reader) identity(o *bootstrap.Options) {
	name, id := r.first("APPMESH_RESOURCE_ARN", "APPMESH_RESOURCE_NAME", "APPMESH_VIRTUAL_NODE_NAME")
	if id != "" {
		if _, err := bootstrap.ParseNodeID(id); err != nil {
			r.wrong(name, id, bootstrap.NodeIDForms)
		}
		o.NodeID = id
	}
	_, o.Cluster = r.first("APPMESH_RESOURCE_CLUSTER", "APPMESH_VIRTUAL_NODE_CLUSTER")
	o.Metadata.Instance = r.text("OWNMESH_INSTANCE")
	o.Region, o.ZoneID = r.text("AWS_REGION"), r.text("OWNMESH_ZONE_ID")
}

func (r *reader) platform(o *bootstrap.Options) {
	o.Platform = bootstrap.Platform{
		KubernetesVersion: r.text("APPMESH_PLATFORM_K8S_VERSION"),
		PodUID:            r.text("APPMESH_PLATFORM_K8S_POD_UID"),
		ControllerVersion: r.text("APPMESH_PLATFORM_APP_MESH_CONTROLLER_VERSION"),
		ContainerInstance: r.text("ECS_CONTAINER_INSTANCE_ARN"),
		FIPS:              r.truth("APPNET_FIPS_MODE_ENABLED", false),
	}
}

func (r *reader) relay(o *bootstrap.Options) {
	if v := r.text("APPMESH_XDS_ENDPOINT"); v != "" {
		if err := bootstrap.CheckRelay(v); err != nil {
			r.wrong("APPMESH_XDS_ENDPOINT", v, "must be a loopback IP:port or unix:///path of a relay")
		}
		o.XDS = v
	}
	seconds := r.number("ENVOY_INITIAL_FETCH_TIMEOUT", 0, atLeast(0), "must be a number of seconds from 0, which is for ever")
	o.FetchTimeout = time.Duration(seconds) * time.Second
	o.SDSSocket = r.path("APPMESH_SDS_SOCKET_PATH")
}

// adminSocket is where App Mesh's agent had it.
const adminSocket = "unix:///tmp/envoy_admin.sock"

func (r *reader) admin(o *bootstrap.Options) {
	host := "127.0.0.1"
	if r.truth("ENVOY_ADMIN_ACCESS_ENABLE_IPV6", false) {
		host = "::1"
	}
	if name, _ := r.first("ENVOY_ADMIN_ACCESS_ENABLE_IPV6", "ENVOY_ADMIN_ACCESS_PORT"); name != "" {
		o.Admin = net.JoinHostPort(host, r.port("ENVOY_ADMIN_ACCESS_PORT", "9901"))
	}
	if r.oneOf("ENVOY_ADMIN_MODE", "tcp", "uds") == "uds" {
		o.Admin = adminSocket
	}
	o.AdminLog = r.or("ENVOY_ADMIN_ACCESS_LOG_FILE", "/tmp/envoy_admin_access.log")
	if v := r.text("OWNMESH_METRICS_ADDRESS"); v != "" {
		o.Metrics = v
		if n, err := strconv.ParseUint(v, 10, 16); err == nil && n > 0 {
			o.Metrics = net.JoinHostPort("127.0.0.1", v)
		} else if a, err := netip.ParseAddrPort(v); err != nil || a.Port() == 0 {
			r.wrong("OWNMESH_METRICS_ADDRESS", v, "must be IP:port, or a port of 127.0.0.1")
		}
	}
}

func (r *reader) limits(o *bootstrap.Options) {
	o.OutlierLog = r.text("ENVOY_OUTLIER_DETECTION_EVENT_LOG_PATH")
	o.MaxRequestsPerIOCycle = r.number("MAX_REQUESTS_PER_IO_CYCLE", 0, atLeast(1), "must be a number from 1")
}

func (r *reader) arguments() []string {
	args := []string{"--log-level", r.oneOf("ENVOY_LOG_LEVEL", "info", "trace", "debug", "warning", "warn", "error", "critical", "off")}
	unset := func(n int) bool { return n == -1 || n >= 1 }
	if n := r.number("ENVOY_CONCURRENCY", -1, unset, "must be a number of workers from 1, or -1 for one a core"); n != -1 {
		args = append(args, "--concurrency", strconv.Itoa(n))
	}
	if r.truth("DISABLE_HOT_RESTART", true) {
		args = append(args, "--disable-hot-restart")
	}
	if r.truth("ENVOY_SKIP_DEPRECATED_LOGS", true) {
		args = append(args, "--skip-deprecated-logs")
	}
	return args
}

func atLeast(least int) func(int) bool { return func(n int) bool { return n >= least } }
