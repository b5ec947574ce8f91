package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"oke-guestbook/local/dataplane/images"
	"oke-guestbook/local/kube"
	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/identity"
	"oke-guestbook/local/oci/limits"
)

// console is a page that shows what exists in the local cloud.
//
//go:embed console.html
var console []byte

// options are those of the local cloud.
type options struct {
	dir       string
	port      int
	speed     float64
	limits    string
	delay     time.Duration
	realNodes bool
	images    string
}

const defaultPort = 8787

// firstPagePort is the first port of this machine for load balancers: the usual ones, or those after the emulator's if
// that was chosen, so that they are not those of another local cloud.
func (o options) firstPagePort() int {
	if o.port == defaultPort {
		return 0
	}
	return o.port + 1
}

// serve runs the local cloud that the arguments describe until ctx is done.
func serve(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("localcloudd serve", flag.ContinueOnError)
	flags.StringVar(&o.dir, "dir", ".local", "directory of the state")
	flags.IntVar(&o.port, "port", defaultPort, "port of the OCI emulator, on 127.0.0.1")
	flags.Float64Var(&o.speed, "speed", 100, "how many times faster than on OCI life cycles run")
	flags.StringVar(&o.limits, "limits", "usual", "service limits: usual, free or not-upgraded")
	flags.DurationVar(&o.delay, "policy-delay", identity.UsualPolicyDelay,
		"how long a new or changed IAM policy takes to be in force, at the service's speed")
	flags.BoolVar(&o.realNodes, "real-nodes", false, "run the clusters' nodes and Pods instead of simulating them")
	flags.StringVar(&o.images, "images", string(images.Auto), "where images of real nodes come from")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return o.run(ctx)
}

// run runs the local cloud until ctx is done. All of its files are below the directory.
func (o options) run(ctx context.Context) error {
	accountLimits, err := limits.Preset(o.limits)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(o.port))
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("port %d: %w", o.port, err)
	}
	defer listener.Close()

	ociDir := filepath.Join(o.dir, "oci")
	credentials, err := oci.LoadCredentials(ociDir)
	if err != nil {
		return err
	}
	config := kube.Config{
		Dir: filepath.Join(o.dir, "kube"), Binary: binary, OCIEndpoint: "http://" + address,
		Credentials: credentials, Region: credentials.Region, Speed: o.speed, Log: log,
	}
	var plane *dataPlane // nil: nodes are simulated
	if o.realNodes {
		plane, err = startDataPlane(ctx, o.dir, binary, credentials.Region, o.speed, o.firstPagePort(), log)
		if err != nil {
			return fmt.Errorf("real nodes: %w", err)
		}
		defer plane.close()
		config.DataPlane = plane.Sandbox
	}
	clusters := kube.New(config)
	defer clusters.Close()
	cloud, err := oci.New(oci.Config{
		Dir: ociDir, Speed: o.speed, Limits: accountLimits, PolicyDelay: o.delay, Log: log,
		ControlPlane: clusters, BackendHealth: plane.measured(), Flows: plane.flowRecords(),
	})
	if err != nil {
		return err
	}

	if plane != nil {
		if err := plane.serveImages(images.Source(o.images), cloud, filepath.Dir(binary), credentials.Region); err != nil {
			return fmt.Errorf("real nodes: %w", err)
		}
		go plane.follow(ctx, cloud)
		go plane.watchHealth(ctx)
		go plane.keepFlows(ctx, cloud)
	}
	log.Info("the local cloud is up", "address", address, "dir", o.dir)
	return answer(ctx, listener, handler(o.dir, cloud, clusters, plane), cloud, clusters, log)
}

// answer answers requests until ctx is done, and then stops the clusters and the emulator.
func answer(
	ctx context.Context, listener net.Listener, h http.Handler, cloud *oci.Server, clusters *kube.Manager,
	log *slog.Logger,
) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	// Clusters are resumed only now: their cloud controllers call the emulator at once.
	if err := cloud.Resume(ctx); err != nil {
		log.Error("some clusters or tasks could not be resumed", "error", err)
	}
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	log.Info("stopping")
	limit, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(clusters.Close(), server.Shutdown(limit), cloud.Close())
}

// handler serves the console, the launcher's requests, and everything else by the emulator.
func handler(dir string, cloud *oci.Server, clusters *kube.Manager, plane *dataPlane) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]any{"pid": os.Getpid(), "dir": dir})
	})
	mux.HandleFunc("GET /admin/status", func(w http.ResponseWriter, r *http.Request) {
		notices := plane.notices()
		if plane != nil {
			ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
			defer cancel()
			workloads, _ := clusters.Workloads(ctx) // of a cluster that does not answer, there is nothing to say
			notices = append(notices, plane.replicaSets(workloads)...)
		}
		writeJSON(w, map[string]any{
			"rssMB": residentMB(os.Getpid()), "clusters": describe(clusters.Status()), "loadBalancers": plane.ports(),
			"notices": notices,
		})
	})
	mux.HandleFunc("GET /admin/dataplane", plane.serveStatus)
	mux.HandleFunc("GET /admin/flows", plane.serveFlows)
	mux.HandleFunc("GET /admin/overview", serveOverview(cloud, clusters, plane))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(console)
	})
	mux.Handle("/", cloud)
	return mux
}

type process struct {
	Name  string `json:"name"`
	PID   int    `json:"pid"`
	RSSMB int    `json:"rssMB"` // resident memory
	Log   string `json:"log"`
}

type cluster struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Version   string    `json:"version"`
	Address   string    `json:"address"`
	Processes []process `json:"processes"`
}

func describe(running []kube.ClusterStatus) []cluster {
	clusters := make([]cluster, 0, len(running))
	for _, r := range running {
		c := cluster{ID: r.ID, Name: r.Name, Version: r.Version, Address: r.Address}
		for _, p := range r.Processes {
			c.Processes = append(c.Processes, process{p.Name, p.PID, residentMB(p.PID), p.Log})
		}
		clusters = append(clusters, c)
	}
	return clusters
}

// residentMB is the resident memory of a process in MB, or 0 if it does not run.
func residentMB(pid int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, resident int
	if _, err := fmt.Sscan(string(data), &size, &resident); err != nil {
		return 0
	}
	return resident * os.Getpagesize() >> 20
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	// An error means that the client is gone.
	_ = json.NewEncoder(w).Encode(v)
}
