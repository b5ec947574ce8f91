package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"sigs.k8s.io/kwok/pkg/kwokctl/pki"

	"oke-guestbook/local/certs"
	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane"
	"oke-guestbook/local/dataplane/hostports"
	"oke-guestbook/local/dataplane/images"
	"oke-guestbook/local/dataplane/machine"
	"oke-guestbook/local/dataplane/sandbox"
	"oke-guestbook/local/dataplane/tunnel"
	"oke-guestbook/local/dataplane/volume"
	"oke-guestbook/local/dataplane/worker/node"
	"oke-guestbook/local/flowlog"
	"oke-guestbook/local/kube"
	"oke-guestbook/local/launch/nodes"
	"oke-guestbook/local/oci"
)

// dataPlane is the running data plane with its connections to this machine. A nil one is that of a local cloud with
// simulated nodes.
type dataPlane struct {
	*sandbox.Sandbox
	hostPorts *hostports.Ports
	// portsProblem is the last one of hostPorts that was logged.
	portsProblem string
	places       []net.Listener // of connections to what is outside of the VCNs, by TLS
	memory       int64          // how many bytes were available before any node
	speed        float64        // how many times faster than on OCI health checks are
	images       string         // says which images built here stand for others; set before anything is served
	mirror       *images.Mirror // set before anything is served
	log          *slog.Logger
	health       atomic.Pointer[sandbox.Health]
	flows        *flowlog.Log
}

// publicRegistries is the address of all registries in the emulated internet. It is of a block that is not in use any
// more (RFC 7526), nor are public addresses of VCNs of it.
var publicRegistries = netip.MustParseAddr("192.88.99.2")

// startDataPlane starts the data plane of a local cloud, with its files in DIR/dataplane. Load balancers get the ports
// of this machine from the first on, or the usual ones if that is 0.
func startDataPlane(
	ctx context.Context, dir, binary, region string, speed float64, first int, log *slog.Logger,
) (*dataPlane, error) {
	if err := node.Claim(); err != nil {
		return nil, fmt.Errorf("control groups: %w", err)
	}
	memory := nodes.Available()
	dir, err := filepath.Abs(filepath.Join(dir, "dataplane"))
	if err != nil {
		return nil, err
	}
	s, err := sandbox.Start(ctx, sandbox.Config{
		Dir: dir, Binary: binary, Init: filepath.Join(filepath.Dir(binary), "localnode"), Log: log,
	})
	if err != nil {
		if missing := machine.Missing(); len(missing) > 0 {
			err = fmt.Errorf("this machine lacks: %s: %w", strings.Join(missing, "; "), err)
		}
		return nil, err
	}
	p := &dataPlane{Sandbox: s, memory: memory, speed: speed, log: log}
	if err := p.openFlows(dir); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if p.hostPorts, err = hostports.New(filepath.Join(dir, "ports.json"), first, s.DialInternet); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := p.listen(dir, region); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// listen listens for connections to what is outside of the VCNs, which serve answers.
func (p *dataPlane) listen(dir, region string) error {
	services := dataplane.Place{
		Socket: filepath.Join(dir, "services.sock"), Registry: oci.RegistryAddress,
		Registries: kube.RegistryHosts(region),
		Domains: map[string]netip.Addr{
			"oraclecloud.com": oci.ServicesAddress, "objectstorage." + region + ".oraclecloud.com": oci.ObjectStorageAddress,
		},
	}
	for _, name := range services.Registries {
		services.Domains[name] = oci.RegistryAddress
	}
	internet := dataplane.Place{Socket: filepath.Join(dir, "internet.sock"), Registry: publicRegistries}
	authority, certificate, err := issuePlaces(dir, region, services.Registries)
	if err != nil {
		return err
	}
	for _, socket := range []string{services.Socket, internet.Socket} {
		listener, err := tunnel.Listen(socket)
		if err != nil {
			return err
		}
		config := &tls.Config{Certificates: []tls.Certificate{certificate}}
		p.places = append(p.places, tls.NewListener(listener, config))
	}
	p.Update(func(state *dataplane.State) {
		state.Services, state.Internet, state.Authority = services, internet, authority
	})
	return nil
}

// issuePlaces makes an authority and a certificate for what is outside of the VCNs: the names of Oracle's services, and
// the addresses at which nodes reach registries. They are as long-lived as the data plane.
func issuePlaces(dir, region string, registries []string) (authority []byte, certificate tls.Certificate, err error) {
	names := append([]string{"*." + region + ".oraclecloud.com", "*." + region + ".oci.oraclecloud.com"}, registries...)
	err = certs.WriteAuthority(dir, "authority", "OKE local cloud", map[string]pki.CertConfig{"places": {
		CommonName: "OKE local cloud", Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, AltNames: pki.AltNames{
			DNSNames: names, IPs: []net.IP{oci.RegistryAddress.AsSlice(), publicRegistries.AsSlice()},
		},
	}})
	if err != nil {
		return nil, certificate, err
	}
	certificate, err = tls.LoadX509KeyPair(filepath.Join(dir, "places.crt"), filepath.Join(dir, "places.key"))
	if err != nil {
		return nil, certificate, err
	}
	authority, err = os.ReadFile(filepath.Join(dir, "authority.crt"))
	return authority, certificate, err
}

// serveImages serves what is outside of the VCNs: the emulator, registries of the internet, and the images in the
// directory of the tools.
func (p *dataPlane) serveImages(source images.Source, emulator http.Handler, tools, region string) error {
	registries := images.NewRegistries(filepath.Join(p.Dir(), "images"), p.log)
	p.mirror = images.NewMirror(source, registries, emulator, kube.RegistryHosts(region)...)
	var err error
	if p.images, err = p.mirror.AddStandIns(tools, runtime.GOARCH); err != nil {
		return err
	}
	for _, listener := range p.places {
		server := &http.Server{Handler: p.mirror, ReadHeaderTimeout: 10 * time.Second}
		go func() { _ = server.Serve(listener) }() // ends with the listener
	}
	return nil
}

// volumes is the directory of the block volumes' data.
func (p *dataPlane) volumes() string { return sandbox.VolumesDir(p.Dir()) }

// follow tells the data plane of the emulator's networks and load balancers whenever they change, and deletes the data
// of deleted block volumes, until ctx is done.
func (p *dataPlane) follow(ctx context.Context, emulator *oci.Server) {
	var told dataplane.State
	var again <-chan time.Time
	for {
		now := dataplane.State{
			Network: emulator.Network(), LoadBalancers: dataplane.Quicken(emulator.LoadBalancers(), p.speed),
		}
		if !reflect.DeepEqual(now, told) {
			p.Update(func(state *dataplane.State) {
				state.Network, state.LoadBalancers = now.Network, now.LoadBalancers
			})
			again, told = p.applyPorts(now.LoadBalancers), now
		}
		if err := volume.Prune(p.volumes(), func() ([]string, error) { return emulator.Volumes(), nil }); err != nil {
			p.log.Warn("data of block volumes", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-again:
			again = p.applyPorts(told.LoadBalancers)
		case <-emulator.Changed():
		}
	}
}

// portsRetry is how long after load balancers got no port they are given one again.
const portsRetry = 5 * time.Second

// applyPorts gives load balancers their ports of this machine. If some got none, it returns when to try again.
func (p *dataPlane) applyPorts(balancers []cloud.LoadBalancer) (again <-chan time.Time) {
	err := p.hostPorts.Apply(balancers)
	if err == nil {
		p.portsProblem = ""
		return nil
	}
	if err.Error() != p.portsProblem { // else it is known
		p.log.Warn("ports of load balancers", "error", err)
		p.portsProblem = err.Error()
	}
	return time.After(portsRetry)
}

func (p *dataPlane) close() error {
	errs := []error{p.hostPorts.Close()}
	for _, listener := range p.places {
		errs = append(errs, listener.Close())
	}
	return errors.Join(append(errs, p.Close(), p.flows.Close())...)
}

// healthInterval is how often the daemon asks for the health of backends: health checks are seconds apart.
const healthInterval = time.Second

// measured returns the health of backends as it was last asked for, or nil if nothing measures it.
func (p *dataPlane) measured() cloud.MeasuredHealth {
	if p == nil {
		return nil
	}
	return func(loadBalancerID, backendSet string) map[string]cloud.BackendHealth {
		if known := p.health.Load(); known != nil {
			return (*known)[loadBalancerID][backendSet]
		}
		return nil
	}
}

// watchHealth asks for the health of backends until ctx is done.
func (p *dataPlane) watchHealth(ctx context.Context) {
	tick := time.NewTicker(healthInterval)
	defer tick.Stop()
	for {
		if health, err := p.Health(ctx); err == nil {
			p.health.Store(&health)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// notices say which images stand for others, and what nodes cannot have on this machine.
func (p *dataPlane) notices() []string {
	if p == nil {
		return nil
	}
	all := []string{p.images}
	if missed := p.mirror.Missed(); missed != "" {
		all = append(all, missed)
	}
	if !node.HaveCgroups() {
		all = append(all, "Pods have no limits of memory and processors, and are not measured: there are no control groups "+
			"for nodes (an ordinary user has them where the machine has version 2 only, and systemd delegates cpu, memory "+
			"and pids to user@.service)")
	}
	if machine.InUserNamespace() || os.Geteuid() != 0 {
		all = append(all, "block volumes are directories without a limit of size: only root has loop devices")
	}
	if many := nodes.TooMany(p.Nodes(), p.memory); many != "" {
		all = append(all, many)
	}
	return all
}

// replicaSets say which databases have members without data, because an image stands for MongoDB's.
func (p *dataPlane) replicaSets(workloads []kube.Workload) (notices []string) {
	if p == nil {
		return nil
	}
	members := map[string]int{}
	for _, w := range workloads {
		for _, n := range w.Nodes {
			for _, pod := range n.Pods {
				if pod.StatefulSet != "" && p.mirror.StandsForMongo(pod.Image) {
					members[pod.Namespace+"/"+pod.StatefulSet]++
				}
			}
		}
	}
	for _, set := range slices.Sorted(maps.Keys(members)) {
		if members[set] > 1 {
			notices = append(notices, fmt.Sprintf("%s has %d members, and the first holds all data: what stands for MongoDB "+
				"(FerretDB) does not replicate, and the others refuse to read", set, members[set]))
		}
	}
	return notices
}

// ports returns where this machine reaches load balancers.
func (p *dataPlane) ports() []hostports.Port {
	if p == nil {
		return nil
	}
	return p.hostPorts.List()
}

var errSimulated = errors.New("nodes are simulated: nothing carries packets (NODES=real)")

func (p *dataPlane) serveStatus(w http.ResponseWriter, r *http.Request) {
	p.serve(w, r, func(ctx context.Context) (any, error) { return p.Status(ctx) })
}

func (p *dataPlane) serve(w http.ResponseWriter, r *http.Request, ask func(context.Context) (any, error)) {
	if p == nil {
		http.Error(w, errSimulated.Error(), http.StatusNotFound)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	answer, err := ask(ctx)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	writeJSON(w, answer)
}
