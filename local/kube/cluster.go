package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/freeport"
)

const (
	binaryMinor = "1.36"          // minor version of the linked Kubernetes
	readyLimit  = 2 * time.Minute // for the API server; it takes seconds on a machine that has nothing else to do
	pollReady   = 50 * time.Millisecond
	portLimit   = 10 * time.Second // for ended processes to let go of their ports
)

var errStopped = errors.New("it was stopped while it started")

// cluster is one control plane.
type cluster struct {
	cfg Config
	dir string
	log *slog.Logger

	life context.Context // ends with the first stop, also while the control plane starts
	kill context.CancelFunc

	mu    sync.Mutex // held while the control plane starts or stops
	state state
	rest  *rest.Config
	api   kubernetes.Interface

	// ctx ends when the control plane stops; controllers are the goroutines that it ends.
	ctx         context.Context
	cancel      context.CancelFunc
	controllers sync.WaitGroup

	nodesMu sync.Mutex // one syncNodes at a time

	shownMu sync.Mutex // guards what status shows
	shown   state
	procs   []*process
}

// state is what a cluster remembers in its directory, so that a restart changes nothing that a user can see.
type state struct {
	Cluster  cloud.Cluster
	APIPort  int
	EtcdPort int
	Defaults string // the cluster version whose default objects were applied
}

func newCluster(cfg Config, dir string) *cluster {
	c := &cluster{cfg: cfg, dir: dir, log: cfg.Log}
	c.life, c.kill = context.WithCancel(context.Background())
	return c
}

func (c *cluster) pki(file string) string { return filepath.Join(c.dir, "pki", file) }

func (c *cluster) kubeconfigPath(user string) string { return filepath.Join(c.dir, user+".kubeconfig") }

func (c *cluster) schedulerConfigPath() string { return filepath.Join(c.dir, "scheduler.yaml") }

func (c *cluster) etcdURL() string { return fmt.Sprintf("https://127.0.0.1:%d", c.state.EtcdPort) }

func (c *cluster) address() string { return fmt.Sprintf("127.0.0.1:%d", c.state.APIPort) }

func (c *cluster) start(ctx context.Context, want cloud.Cluster) (cloud.Endpoints, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.Err() != nil {
		return cloud.Endpoints{}, errStopped
	}
	if c.cancel != nil {
		if c.state.Cluster.Version == want.Version {
			return c.endpoints()
		}
		c.halt()
	}
	if err := c.prepare(ctx, want); err != nil {
		return cloud.Endpoints{}, err
	}
	began := time.Now()
	c.ctx, c.cancel = context.WithCancel(c.life)
	if err := c.run(ctx); err != nil {
		c.halt()
		return cloud.Endpoints{}, err
	}
	c.log.Info("control plane is up", "cluster", want.Name, "version", want.Version, "address", c.address(),
		"took", time.Since(began).Round(time.Millisecond))
	return c.endpoints()
}

// prepare writes what the processes need to start, keeping what a former start has written.
func (c *cluster) prepare(ctx context.Context, want cloud.Cluster) error {
	services, err := netip.ParsePrefix(want.ServicesCIDR)
	if err != nil {
		return fmt.Errorf("services CIDR: %w", err)
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	if err := c.loadState(); err != nil {
		return err
	}
	c.state.Cluster = want
	if err := c.pickPorts(ctx); err != nil {
		return err
	}
	if err := c.saveState(); err != nil {
		return err
	}
	if err := writePKI(filepath.Join(c.dir, "pki"), services.Masked().Addr().Next()); err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	if err := c.writeKubeconfigs(); err != nil {
		return err
	}
	config := schedulerConfig(c.kubeconfigPath("scheduler"))
	if err := os.WriteFile(c.schedulerConfigPath(), []byte(config), 0o600); err != nil {
		return err
	}
	c.rest, err = clientcmd.BuildConfigFromFlags("", c.kubeconfigPath("admin"))
	if err != nil {
		return err
	}
	c.rest.QPS = -1 // no limit of the client's own: it is the only one
	c.rest.UserAgent = "okelocal"
	c.api, err = kubernetes.NewForConfig(c.rest)
	return err
}

func (c *cluster) run(ctx context.Context) error {
	for _, comp := range components {
		if err := os.MkdirAll(filepath.Join(c.dir, "logs"), 0o700); err != nil {
			return err
		}
		p := &process{
			name: comp.name,
			path: c.cfg.Binary,
			args: append([]string{comp.name}, comp.args(c)...),
			env:  append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "TMPDIR=" + os.TempDir()}, comp.env...),
			log:  filepath.Join(c.dir, "logs", comp.name+".log"),
			out:  c.log.With("cluster", c.state.Cluster.Name),
		}
		p.start()
		c.show(append(c.processes(), p))
		if comp.name == apiServerName {
			if err := c.waitReady(ctx, p); err != nil {
				return err
			}
		}
	}
	if c.state.Defaults != c.state.Cluster.Version {
		if err := c.applyDefaults(c.ctx); err != nil {
			return err
		}
		c.state.Defaults = c.state.Cluster.Version
		if err := c.saveState(); err != nil {
			return err
		}
	}
	if err := c.startControllers(); err != nil {
		return err
	}
	return c.waitFor(ctx, "the controller manager to make the default service account", func(ctx context.Context) (bool, error) {
		_, err := c.api.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return err == nil, err
	})
}

// waitReady returns when /readyz of the API server says ok.
func (c *cluster) waitReady(ctx context.Context, p *process) error {
	client := c.api.Discovery().RESTClient()
	return c.waitFor(ctx, "the API server to be ready", func(ctx context.Context) (bool, error) {
		for _, p := range c.processes() {
			if err := p.failed(3); err != nil {
				return false, err
			}
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return client.Get().AbsPath("/readyz").Do(ctx).Error() == nil, nil
	})
}

// waitFor polls until done says true or fails, for readyLimit at most.
func (c *cluster) waitFor(ctx context.Context, what string, done func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	ticker := time.NewTicker(pollReady)
	defer ticker.Stop()
	for {
		ok, err := done(ctx)
		if ok {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			all := c.processes()
			last := all[len(all)-1]
			return fmt.Errorf("waited %s for %s; the end of %s:\n%s", readyLimit, what, last.log, tail(last.log, 15))
		case <-c.ctx.Done():
			return errStopped
		case <-ticker.C:
		}
	}
}

// stop ends everything that runs and returns when it is gone.
func (c *cluster) stop() {
	c.kill()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.halt()
}

func (c *cluster) halt() {
	if c.cancel == nil {
		return
	}
	c.cancel()
	c.controllers.Wait()
	for _, p := range slices.Backward(c.processes()) {
		p.stop()
	}
	c.show(nil)
	c.cancel = nil
}

func (c *cluster) processes() []*process {
	c.shownMu.Lock()
	defer c.shownMu.Unlock()
	return slices.Clone(c.procs)
}

func (c *cluster) show(procs []*process) {
	c.shownMu.Lock()
	defer c.shownMu.Unlock()
	c.shown, c.procs = c.state, procs
}

func (c *cluster) endpoints() (cloud.Endpoints, error) {
	ca, err := os.ReadFile(c.pki("ca.crt"))
	return cloud.Endpoints{Address: c.address(), CA: ca}, err
}

// status does not wait for a start or a stop that is under way.
func (c *cluster) status() ClusterStatus {
	c.shownMu.Lock()
	defer c.shownMu.Unlock()
	s := ClusterStatus{
		ID: c.shown.Cluster.ID, Name: c.shown.Cluster.Name, Version: c.shown.Cluster.Version,
		Address: fmt.Sprintf("127.0.0.1:%d", c.shown.APIPort), Dir: c.dir,
	}
	for _, p := range c.procs {
		s.Processes = append(s.Processes, p.status())
	}
	return s
}

func (c *cluster) statePath() string { return filepath.Join(c.dir, "cluster.json") }

func (c *cluster) loadState() error {
	data, err := os.ReadFile(c.statePath())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &c.state); err != nil {
		return fmt.Errorf("%s: %w", c.statePath(), err)
	}
	return nil
}

func (c *cluster) saveState() error {
	data, err := json.MarshalIndent(c.state, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(c.statePath(), append(data, '\n'))
}

// pickPorts chooses free ports once. Later they have to be the same, because kubeconfigs and the state of whoever
// made the cluster hold them. The processes of a killed daemon may still be ending and hold theirs a moment longer.
func (c *cluster) pickPorts(ctx context.Context) error {
	for _, port := range []*int{&c.state.APIPort, &c.state.EtcdPort} {
		var l net.Listener
		var taken error
		err := wait.PollUntilContextTimeout(ctx, pollReady, portLimit, true, func(context.Context) (bool, error) {
			at := *port
			if at == 0 {
				if at, taken = freeport.Pick(); taken != nil {
					return false, taken
				}
			}
			if l, taken = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", at)); taken == nil {
				*port = at
			}
			return taken == nil, nil
		})
		if err != nil {
			return fmt.Errorf("another program has taken port %d of this cluster, and keeps it: %w", *port, cmp.Or(taken, err))
		}
		defer l.Close()
	}
	return nil
}

// writeFile writes a file that is whole or not there at all, for its owner only.
func writeFile(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
