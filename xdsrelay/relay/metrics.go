package relay

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ownmesh/ownmesh/events"
)

// metrics are the relay's own; gRPC's and Go's come from elsewhere.
type metrics struct {
	streams      prometheus.Gauge
	refusals     prometheus.Counter
	pushes       [kinds]prometheus.Counter
	bytes        [kinds]prometheus.Counter
	nacks        [kinds]prometheus.Counter
	holdsExpired prometheus.Counter
	generation   *prometheus.GaugeVec
	position     *prometheus.GaugeVec
	pollErrors   *prometheus.CounterVec
	statusErrors prometheus.Counter

	unauthorized    *prometheus.CounterVec
	limited         *prometheus.CounterVec
	handshakeErrors prometheus.Counter
	untold          prometheus.Counter
	behind          prometheus.Gauge
}

// newMetrics registers them where there is a registry.
func newMetrics(to prometheus.Registerer) *metrics {
	name := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "ownmesh", Subsystem: "relay", Name: name, Help: help}
	}
	counter := func(text, help string) prometheus.CounterOpts { return prometheus.CounterOpts(name(text, help)) }
	gauge := func(text, help string) prometheus.GaugeOpts { return prometheus.GaugeOpts(name(text, help)) }

	m := &metrics{
		streams:      prometheus.NewGauge(gauge("streams", "Envoys connected now.")),
		refusals:     prometheus.NewCounter(counter("streams_refused_total", "Streams ended before they were served: node unknown, mesh unknown, bad node id, token refused.")),
		holdsExpired: prometheus.NewCounter(counter("holds_expired_total", "Listeners and routes sent although the clusters that they name were not acknowledged in time.")),
		generation:   prometheus.NewGaugeVec(gauge("generation", "Generation of a mesh as read from its config log."), []string{"mesh_uid"}),
		position:     prometheus.NewGaugeVec(gauge("log_sequence", "Sequence number reached in a mesh's log."), []string{"mesh_uid", "log"}),
		pollErrors:   prometheus.NewCounterVec(counter("poll_errors_total", "Failed reads of a log."), []string{"log"}),
		statusErrors: prometheus.NewCounter(counter("status_errors_total", "Failed writes of a status object.")),

		unauthorized:    prometheus.NewCounterVec(counter("unauthorized_total", "Streams refused for their token: missing, malformed, key, signature, claims, expired, proxy (of another one)."), []string{"reason"}),
		limited:         prometheus.NewCounterVec(counter("limited_total", "Connections and streams sent away by a limit: connections, peer_connections, peer_streams, peer_failures."), []string{"limit"}),
		handshakeErrors: prometheus.NewCounter(counter("handshake_errors_total", "TLS handshakes that failed.")),
		untold:          prometheus.NewCounter(counter("events_dropped_total", "Events that the outside was perhaps not told of: too many, or the bus did not answer.")),
		behind:          prometheus.NewGauge(gauge("behind_seconds", "For how long a log could not be read, the one that has gone unread for longest; taken once a minute.")),
	}
	pushes := prometheus.NewCounterVec(counter("pushes_total", "Responses sent."), []string{"type"})
	bytes := prometheus.NewCounterVec(counter("pushed_bytes_total", "Bytes of responses sent."), []string{"type"})
	nacks := prometheus.NewCounterVec(counter("nacks_total", "Responses that Envoys refused, in part or whole."), []string{"type"})
	for k := range kinds {
		m.pushes[k], m.bytes[k], m.nacks[k] = pushes.WithLabelValues(k.String()), bytes.WithLabelValues(k.String()), nacks.WithLabelValues(k.String())
	}
	if to != nil {
		to.MustRegister(m.streams, m.refusals, m.holdsExpired, m.generation, m.position, m.pollErrors, m.statusErrors, pushes, bytes, nacks,
			m.unauthorized, m.limited, m.handshakeErrors, m.untold, m.behind)
	}
	return m
}

// forget drops what is said of a mesh that is no longer served.
func (m *metrics) forget(uid string) {
	m.generation.DeleteLabelValues(uid)
	for _, log := range []events.LogName{events.LogConfig, events.LogEndpoints} {
		m.position.DeleteLabelValues(uid, string(log))
	}
}
