package verify

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Metrics counts verdicts for Prometheus. A nil one counts nothing.
type Metrics struct {
	registry *prometheus.Registry
	verdicts *prometheus.CounterVec   // verifier, label
	reasons  *prometheus.CounterVec   // verifier, reason: of unverified
	seconds  *prometheus.HistogramVec // verifier
	share    *prometheus.GaugeVec     // verifier
	audits   *prometheus.CounterVec   // verifier, result

	mu     sync.Mutex
	counts map[string]*[2]float64 // verdicts, and those unverified, by verifier
}

// NewMetrics makes metrics with a registry of their own.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), counts: map[string]*[2]float64{},
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "r1ctl_verifier_verdicts_total", Help: "Verdicts."}, []string{"verifier", "label"}),
		reasons:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "r1ctl_verifier_unverified_total", Help: "Items without a verdict, by reason."}, []string{"verifier", "reason"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "r1ctl_verifier_seconds", Help: "Time a verdict took, without the wait for a free process.",
			Buckets: prometheus.ExponentialBuckets(1e-5, 10, 8)}, []string{"verifier"}),
		share:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "r1ctl_verifier_unverified_share", Help: "Share of items without a verdict since the start."}, []string{"verifier"}),
		audits: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "r1ctl_verifier_audits_total", Help: "Second opinions on verdicts: agrees, disagrees or unverified."}, []string{"verifier", "result"}),
	}
	m.registry.MustRegister(m.verdicts, m.reasons, m.seconds, m.share, m.audits)
	return m
}

// Handler serves them in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *Metrics) note(j Judgement) {
	if m == nil {
		return
	}
	m.verdicts.WithLabelValues(j.verifier, string(j.Verdict.Label)).Inc()
	m.seconds.WithLabelValues(j.verifier).Observe(j.Took.Seconds())
	unverified := 0.0
	if j.Verdict.Label == r1.Unverified {
		unverified = 1
		m.reasons.WithLabelValues(j.verifier, j.Verdict.Reason).Inc()
	}
	m.mu.Lock()
	n := m.counts[j.verifier]
	if n == nil {
		n = new([2]float64)
		m.counts[j.verifier] = n
	}
	n[0], n[1] = n[0]+1, n[1]+unverified
	m.share.WithLabelValues(j.verifier).Set(n[1] / n[0])
	m.mu.Unlock()
	if a := j.Audit; a != nil {
		result := "unverified"
		switch {
		case a.Agrees != nil && *a.Agrees:
			result = "agrees"
		case a.Agrees != nil:
			result = "disagrees"
		}
		m.audits.WithLabelValues(j.verifier, result).Inc()
	}
}

// milliseconds are rounded to a microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Round(time.Microsecond)) / 1e6 }
