package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"time"

	utilerrors "k8s.io/apimachinery/pkg/util/errors"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane"
	"oke-guestbook/local/dataplane/tunnel"
)

// cluster is a cluster's endpoint in its VCN, and its nodes. The server's mutex guards it.
type cluster struct {
	server   *server
	id       string
	endpoint []net.Listener // its ports in the VCN
	nodes    *http.Server   // of the node socket
	workers  map[string]*runningNode
}

func newCluster(s *server, id string) *cluster {
	return &cluster{server: s, id: id, workers: map[string]*runningNode{}}
}

// apply serves the endpoint, and makes the nodes run.
func (c *cluster) apply(ctx context.Context, want dataplane.Cluster, network cloud.Network) error {
	if err := c.serveEndpoint(ctx, want); err != nil {
		return fmt.Errorf("endpoint: %w", err)
	}
	var errs []error
	for _, w := range want.Nodes {
		if err := c.applyNode(ctx, want, w, network); err != nil {
			errs = append(errs, fmt.Errorf("node %s: %w", w.Name, err))
		}
	}
	return errors.Join(errs...)
}

// applyNode starts a node, again if it has ended by itself, or tells it what has changed.
func (c *cluster) applyNode(
	ctx context.Context, want dataplane.Cluster, w dataplane.Node, network cloud.Network,
) error {
	pods, err := podNetwork(want, w, network)
	if err != nil {
		return err
	}
	n := c.workers[w.InstanceID]
	if n != nil {
		if n.err() == nil {
			return n.update(ctx, pods)
		}
		delete(c.workers, w.InstanceID)
	}
	if n, err = startNode(ctx, c.server, want, w, pods); err != nil {
		return err
	}
	c.workers[w.InstanceID] = n
	go c.server.restartEnded(n)
	return nil
}

// serveEndpoint listens at the cluster's private endpoint for the API server, workload identity and the metrics server,
// and at the node socket for connections from the API server. As on OKE, all have the endpoint's address in the VCN.
func (c *cluster) serveEndpoint(ctx context.Context, want dataplane.Cluster) error {
	if c.endpoint != nil {
		return nil
	}
	host, err := c.server.host(c.id)
	if err != nil {
		return err
	}
	address, err := netip.ParseAddrPort(want.PrivateEndpoint)
	if err != nil {
		return err
	}
	sockets := map[uint16]string{
		address.Port(): want.APISocket, dataplane.MetricsPort: want.MetricsSocket,
		dataplane.IdentityPort: want.IdentitySocket,
	}
	for port, socket := range sockets {
		l, err := host.Listen(ctx, "tcp", netip.AddrPortFrom(address.Addr(), port).String())
		if err != nil {
			return errors.Join(err, c.closeEndpoint())
		}
		c.endpoint = append(c.endpoint, l)
		go tunnel.Forward(l, func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		})
	}
	socket, err := tunnel.Listen(want.NodeSocket)
	if err != nil {
		return errors.Join(err, c.closeEndpoint())
	}
	c.nodes = &http.Server{Handler: tunnel.Handler(host.Dial), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = c.nodes.Serve(socket) }() // ends with Close
	return nil
}

// removeNodes ends the nodes that are not wanted, all at the same time, and removes their files.
func (c *cluster) removeNodes(want []dataplane.Node) error {
	var removals []func() error
	for id, n := range c.workers {
		if slices.ContainsFunc(want, func(w dataplane.Node) bool { return w.InstanceID == id }) {
			continue
		}
		delete(c.workers, id)
		n.stopped = true
		removals = append(removals, func() error {
			n.worker.Stop()
			return os.RemoveAll(n.dir)
		})
	}
	return utilerrors.AggregateGoroutines(removals...)
}

func (c *cluster) status(ctx context.Context) []dataplane.NodeStatus {
	var all []dataplane.NodeStatus
	for id, n := range c.workers {
		status := n.status(ctx)
		status.ClusterID, status.InstanceID = c.id, id
		all = append(all, status)
	}
	return all
}

func (c *cluster) close() error {
	err := c.removeNodes(nil)
	if c.endpoint != nil {
		err = errors.Join(err, c.closeEndpoint(), c.nodes.Close())
	}
	return err
}

func (c *cluster) closeEndpoint() error {
	var errs []error
	for _, l := range c.endpoint {
		errs = append(errs, l.Close())
	}
	c.endpoint = nil
	return errors.Join(errs...)
}
