// Package kube is the Kubernetes side of the local cloud. For each emulated OKE cluster it runs a real control plane
// (etcd, kube-apiserver, kube-controller-manager and kube-scheduler as processes), simulates nodes and Pods with kwok,
// and runs the controllers that Oracle adds to a cluster: for load balancers (servicelb) and block volumes
// (blockvolume).
package kube

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/ociclient"
	"oke-guestbook/local/supervise"
)

// Config configures a Manager.
type Config struct {
	// Dir holds a directory for each cluster: certificates, etcd's data, logs, kubeconfigs.
	Dir string
	// Binary is the executable that runs Main(os.Args[1], os.Args[2:]).
	Binary string
	// OCIEndpoint is the URL of OCI's REST API. Without it there are no load balancers and no volumes.
	OCIEndpoint string
	Credentials ociclient.Credentials
	Region      string // "us-ashburn-1"
	// Speed divides OKE's grace periods and polling intervals; 0 means 100.
	Speed float64
	Log   *slog.Logger // default: slog.Default()
	// DataPlane runs the clusters' nodes. Without one they are simulated.
	DataPlane DataPlane
}

// Manager runs the clusters' control planes. It is safe for concurrent use.
type Manager struct {
	cfg Config

	mu       sync.Mutex
	clusters map[string]*cluster // by OCID
	closed   bool
}

var _ cloud.ControlPlane = (*Manager)(nil)

// New returns a manager that runs no cluster yet. A cluster from before a restart runs again after its next Start.
func New(cfg Config) *Manager {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Speed <= 0 {
		cfg.Speed = 100
	}
	// The processes run in other directories, so paths must be absolute. Start reports a bad path.
	for _, path := range []*string{&cfg.Dir, &cfg.Binary} {
		if abs, err := filepath.Abs(*path); err == nil {
			*path = abs
		}
	}
	// Kubernetes's libraries log through klog, which has one destination for all.
	klog.SetSlogLogger(slog.New(warningHandler{cfg.Log.Handler()}))
	return &Manager{cfg: cfg, clusters: map[string]*cluster{}}
}

// Start implements cloud.ControlPlane.
func (m *Manager) Start(ctx context.Context, want cloud.Cluster) (cloud.Endpoints, error) {
	if want.ID == "" {
		return cloud.Endpoints{}, errors.New("start a control plane: the cluster has no id")
	}
	c, err := m.cluster(want.ID)
	if err != nil {
		return cloud.Endpoints{}, err
	}
	endpoints, err := c.start(ctx, want)
	if err != nil {
		return cloud.Endpoints{}, fmt.Errorf("control plane of cluster %q: %w", want.Name, err)
	}
	return endpoints, nil
}

// Stop implements cloud.ControlPlane. As on OKE, the cluster's load balancers and volumes stay.
func (m *Manager) Stop(_ context.Context, clusterID string) error {
	m.mu.Lock()
	c := m.clusters[clusterID]
	delete(m.clusters, clusterID)
	m.mu.Unlock()
	if c != nil {
		c.stop()
		c.withdraw()
	}
	return os.RemoveAll(m.clusterDir(clusterID))
}

// Kubeconfig is for tests: it returns the administrator's kubeconfig, which holds a client certificate and never
// changes. Users get theirs from the emulator.
func (m *Manager) Kubeconfig(_ context.Context, clusterID string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(m.clusterDir(clusterID), "admin.kubeconfig"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cluster %s has no control plane", clusterID)
	}
	return data, err
}

// SyncNodes implements cloud.ControlPlane.
func (m *Manager) SyncNodes(ctx context.Context, clusterID string, nodes []cloud.Node) error {
	m.mu.Lock()
	c := m.clusters[clusterID]
	m.mu.Unlock()
	if c == nil {
		return fmt.Errorf("nodes of cluster %s: its control plane does not run", clusterID)
	}
	return c.syncNodes(ctx, nodes)
}

// Close stops all clusters and keeps their data.
func (m *Manager) Close() error {
	m.mu.Lock()
	m.closed = true
	clusters := m.clusters
	m.clusters = map[string]*cluster{}
	m.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range clusters {
		wg.Go(c.stop)
	}
	wg.Wait()
	return nil
}

// ClusterStatus describes a running cluster.
type ClusterStatus struct {
	ID, Name, Version string
	Address           string // of the API server
	Dir               string
	Processes         []supervise.Status
}

// Status lists the running clusters by name.
func (m *Manager) Status() []ClusterStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []ClusterStatus
	for _, c := range m.clusters {
		all = append(all, c.status())
	}
	slices.SortFunc(all, func(a, b ClusterStatus) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	return all
}

func (m *Manager) cluster(id string) (*cluster, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errors.New("the local cloud is shutting down")
	}
	c := m.clusters[id]
	if c == nil {
		c = newCluster(m.cfg, m.clusterDir(id))
		m.clusters[id] = c
	}
	return c, nil
}

// clusterDir is named as kubeconfigs name the cluster.
func (m *Manager) clusterDir(id string) string {
	return filepath.Join(m.cfg.Dir, cloud.ClusterName(id))
}

// scaled converts a period of OKE's to the speed of the local cloud.
func (cfg Config) scaled(period, minimum time.Duration) time.Duration {
	return max(time.Duration(float64(period)/cfg.Speed), minimum)
}

// warningHandler drops records below the level of a warning.
type warningHandler struct{ slog.Handler }

func (h warningHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}
