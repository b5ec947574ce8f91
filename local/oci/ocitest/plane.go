package ocitest

import (
	"context"
	"sync"

	"oke-guestbook/local/cloud"
)

// ControlPlane records what the emulator asks of control planes.
type ControlPlane struct {
	mu         sync.Mutex
	Versions   map[string]string // of running clusters
	Clusters   map[string]cloud.Cluster
	Nodes      map[string][]cloud.Node
	NotReady   map[string]bool // OCIDs of instances whose nodes are not ready
	Syncs      []int           // sizes of the node sets
	Terminated []string        // OCIDs of instances that it was told to be gone
	StartErr   error
}

// NewControlPlane returns one without clusters.
func NewControlPlane() *ControlPlane {
	return &ControlPlane{
		Versions: map[string]string{}, Clusters: map[string]cloud.Cluster{}, Nodes: map[string][]cloud.Node{},
	}
}

// Start implements cloud.ControlPlane.
func (p *ControlPlane) Start(_ context.Context, c cloud.Cluster) (cloud.Endpoints, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.StartErr != nil {
		return cloud.Endpoints{}, p.StartErr
	}
	p.Versions[c.ID], p.Clusters[c.ID] = c.Version, c
	return cloud.Endpoints{Address: "127.0.0.1:40123", CA: []byte("PEM")}, nil
}

// Stop implements cloud.ControlPlane.
func (p *ControlPlane) Stop(_ context.Context, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.Versions, id)
	delete(p.Nodes, id)
	return nil
}

// SyncNodes implements cloud.ControlPlane.
func (p *ControlPlane) SyncNodes(_ context.Context, id string, nodes []cloud.Node) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	live := []cloud.Node{}
	for _, n := range nodes {
		if n.Terminated {
			p.Terminated = append(p.Terminated, n.InstanceID)
		} else {
			live = append(live, n)
		}
	}
	p.Nodes[id] = live
	p.Syncs = append(p.Syncs, len(live))
	return nil
}

// ReadyNodes implements cloud.ControlPlane.
func (p *ControlPlane) ReadyNodes(_ context.Context, id string) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ready []string
	for _, n := range p.Nodes[id] {
		if !p.NotReady[n.InstanceID] {
			ready = append(ready, n.InstanceID)
		}
	}
	return ready, nil
}

// Count returns the number of a cluster's nodes.
func (p *ControlPlane) Count(id string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.Nodes[id])
}
