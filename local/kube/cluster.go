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
	"reflect"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane"
	"oke-guestbook/local/freeport"
	"oke-guestbook/local/supervise"
)

const (
	readyTimeout = 2 * time.Minute // for each step of the start; on an idle machine it takes seconds
	readyPoll    = 50 * time.Millisecond
	portTimeout  = 10 * time.Second // for ended processes to release their ports
)

var errStopped = errors.New("it was stopped while it was starting")

// cluster is one control plane.
type cluster struct {
	cfg Config
	dir string
	log *slog.Logger

	stopped    context.Context // done after stop, which may be called during a start
	setStopped context.CancelFunc

	mu    sync.Mutex // held while the control plane starts or stops
	state state
	rest  *rest.Config
	api   kubernetes.Interface

	// ctx is done when the running control plane stops; controllers are the goroutines that end with it.
	ctx         context.Context
	cancel      context.CancelFunc // nil while the control plane does not run
	controllers sync.WaitGroup

	nodesMu sync.Mutex                // one syncNodes at a time
	workers map[string]dataplane.Node // that run in the data plane, by name; guarded by workersMu

	workersMu sync.Mutex

	statusMu    sync.Mutex // guards what status reads
	statusState state
	statusAPI   kubernetes.Interface // nil while no process runs
	procs       []*supervise.Process
}

// state is kept in the cluster's directory, so that a restart changes nothing that a user can see.
type state struct {
	Cluster  cloud.Cluster
	APIPort  int
	EtcdPort int
	// MetricsPort is that of the metrics server, which runs only as an add-on.
	MetricsPort int
	Defaults    string // version of the cluster when its default objects were applied
}

func newCluster(cfg Config, dir string) *cluster {
	c := &cluster{cfg: cfg, dir: dir, log: cfg.Log, workers: map[string]dataplane.Node{}}
	c.stopped, c.setStopped = context.WithCancel(context.Background())
	return c
}

func (c *cluster) pkiPath(file string) string { return filepath.Join(c.dir, "pki", file) }

func (c *cluster) kubeconfigPath(user string) string { return filepath.Join(c.dir, user+".kubeconfig") }

func (c *cluster) schedulerConfigPath() string { return filepath.Join(c.dir, "scheduler.yaml") }

func (c *cluster) etcdURL() string { return fmt.Sprintf("https://127.0.0.1:%d", c.state.EtcdPort) }

func (c *cluster) address() string { return fmt.Sprintf("127.0.0.1:%d", c.state.APIPort) }

// start brings the control plane up with the wanted version and authentication, or returns at once if it runs so.
func (c *cluster) start(ctx context.Context, want cloud.Cluster) (cloud.Endpoints, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped.Err() != nil {
		return cloud.Endpoints{}, errStopped
	}
	if c.cancel != nil {
		same := reflect.DeepEqual(c.state.Cluster.Authentication, want.Authentication)
		if same && c.state.Cluster.Version == want.Version {
			c.state.Cluster.Addons = want.Addons
			if err := errors.Join(c.saveState(), c.applyAddons(ctx)); err != nil {
				return cloud.Endpoints{}, err
			}
			return c.endpoints()
		}
		c.halt()
	}
	if err := c.prepare(ctx, want); err != nil {
		return cloud.Endpoints{}, err
	}
	began := time.Now()
	c.ctx, c.cancel = context.WithCancel(c.stopped)
	if err := c.run(ctx); err != nil {
		c.halt()
		return cloud.Endpoints{}, err
	}
	c.log.Info("control plane is up", "cluster", want.Name, "version", want.Version, "address", c.address(),
		"took", time.Since(began).Round(time.Millisecond))
	return c.endpoints()
}

// prepare writes the files that the processes need, except those that an earlier start has written.
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
	addresses := []netip.Addr{services.Masked().Addr().Next()}
	if endpoint, err := netip.ParseAddrPort(want.PrivateEndpoint); err == nil {
		addresses = append(addresses, endpoint.Addr())
	}
	if err := writePKI(filepath.Join(c.dir, "pki"), addresses...); err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	if err := c.prepareWorkers(); err != nil {
		return err
	}
	if err := c.writeKubeconfigs(); err != nil {
		return err
	}
	if err := errors.Join(c.writeWebhook(), c.writeAuthentication()); err != nil {
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
	c.rest.QPS = -1 // no rate limit: the API server has few other clients
	c.rest.UserAgent = "localcloudd"
	c.api, err = kubernetes.NewForConfig(c.rest)
	return err
}

// run starts the processes and controllers and returns when the cluster can be used.
func (c *cluster) run(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Join(c.dir, "logs"), 0o700); err != nil {
		return err
	}
	for _, comp := range components {
		c.startProcess(comp)
		if comp.name == apiServerName {
			if err := c.waitReady(ctx); err != nil {
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
	accountExists := func(ctx context.Context) (bool, error) {
		_, err := c.api.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err == nil, utilerrors.FilterOut(err, apierrors.IsNotFound)
	}
	if err := c.waitFor(ctx, "the controller manager to create the default service account", accountExists); err != nil {
		return err
	}
	return c.applyAddons(ctx)
}

// startProcess starts a component, which is restarted when it ends.
func (c *cluster) startProcess(comp component) {
	p := &supervise.Process{
		Name: comp.name,
		Path: c.cfg.Binary,
		Args: append([]string{comp.name}, comp.args(c)...),
		Env:  append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "TMPDIR=" + os.TempDir()}, comp.env...),
		Log:  filepath.Join(c.dir, "logs", comp.name+".log"),
		Out:  c.log.With("cluster", c.state.Cluster.Name),
	}
	p.Start()
	c.setStatus(append(c.processes(), p))
}

// process returns a running component, or nil.
func (c *cluster) process(name string) *supervise.Process {
	for _, p := range c.processes() {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// waitReady returns when the API server's /readyz answers ok.
func (c *cluster) waitReady(ctx context.Context) error {
	client := c.api.Discovery().RESTClient()
	return c.waitFor(ctx, "the API server to be ready", func(ctx context.Context) (bool, error) {
		for _, p := range c.processes() {
			if err := p.Failed(3); err != nil {
				return false, err
			}
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return client.Get().AbsPath("/readyz").Do(ctx).Error() == nil, nil
	})
}

// waitFor polls a condition for readyTimeout at most. The error has the log of the last process that was started.
func (c *cluster) waitFor(ctx context.Context, what string, condition wait.ConditionWithContextFunc) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	err := wait.PollUntilContextTimeout(ctx, readyPoll, readyTimeout, true, condition)
	switch {
	case err != nil && c.ctx.Err() != nil:
		return errStopped
	case wait.Interrupted(err):
		processes := c.processes()
		return fmt.Errorf("waited %s for %s; %s", readyTimeout, what, processes[len(processes)-1].LogEnd())
	}
	return err
}

// stop ends all processes and controllers, also those of a start that is under way, and waits for their end.
func (c *cluster) stop() {
	c.setStopped()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.halt()
}

// halt stops the control plane if it runs. The caller holds c.mu.
func (c *cluster) halt() {
	if c.cancel == nil {
		return
	}
	c.cancel()
	c.controllers.Wait()
	for _, p := range slices.Backward(c.processes()) {
		p.Stop()
	}
	c.setStatus(nil)
	c.cancel = nil
}

func (c *cluster) processes() []*supervise.Process {
	c.statusMu.Lock()
	defer c.statusMu.Unlock()
	return slices.Clone(c.procs)
}

func (c *cluster) setStatus(procs []*supervise.Process) {
	c.statusMu.Lock()
	defer c.statusMu.Unlock()
	c.statusState, c.statusAPI, c.procs = c.state, nil, procs
	if len(procs) > 0 {
		c.statusAPI = c.api
	}
}

func (c *cluster) endpoints() (cloud.Endpoints, error) {
	ca, err := os.ReadFile(c.pkiPath("ca.crt"))
	return cloud.Endpoints{Address: c.address(), CA: ca}, err
}

// status does not wait for a start or a stop to end.
func (c *cluster) status() ClusterStatus {
	c.statusMu.Lock()
	defer c.statusMu.Unlock()
	s := ClusterStatus{
		ID: c.statusState.Cluster.ID, Name: c.statusState.Cluster.Name, Version: c.statusState.Cluster.Version,
		Address: fmt.Sprintf("127.0.0.1:%d", c.statusState.APIPort), Dir: c.dir,
	}
	for _, p := range c.procs {
		s.Processes = append(s.Processes, p.Status())
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

// pickPorts chooses free ports for a new cluster. A restarted one keeps its ports, because kubeconfigs hold them; it
// waits for them a moment, because the processes of a killed daemon may still be ending.
func (c *cluster) pickPorts(ctx context.Context) error {
	for _, port := range []*int{&c.state.APIPort, &c.state.EtcdPort, &c.state.MetricsPort} {
		var l net.Listener
		var listenErr error
		err := wait.PollUntilContextTimeout(ctx, readyPoll, portTimeout, true, func(context.Context) (bool, error) {
			candidate := *port
			if candidate == 0 {
				if candidate, listenErr = freeport.Pick(); listenErr != nil {
					return false, listenErr
				}
			}
			if l, listenErr = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", candidate)); listenErr == nil {
				*port = candidate
			}
			return listenErr == nil, nil
		})
		if err != nil {
			return fmt.Errorf("another program uses port %d of this cluster: %w", *port, cmp.Or(listenErr, err))
		}
		defer l.Close()
	}
	return nil
}

// writeFile writes a file atomically, for its owner only.
func writeFile(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
