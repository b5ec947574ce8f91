package sandbox

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"

	"oke-guestbook/local/dataplane/netns"
)

// resolverAddress is the VCN resolver's, in every VCN (Oracle: "DNS in Your Virtual Cloud Network"). Its queries need
// no security rule: they do not leave the instance here either.
const resolverAddress = "169.254.169.254"

// resolverTTL is the lifetime of its answers in seconds.
const resolverTTL = 60

// resolver is the VCN resolver of an instance. It knows the names of Oracle's services that are emulated. Of all others
// it says that it failed, as there is no internet: that a name does not exist it cannot know.
type resolver struct {
	domains map[string]netip.Addr
	servers []*dns.Server
}

// startResolver serves the resolver in an instance's namespace until close.
func startResolver(host *netns.Namespace, domains map[string]netip.Addr) (*resolver, error) {
	r := &resolver{domains: domains}
	var tcp net.Listener
	var udp net.PacketConn
	err := host.Do(func() error {
		if err := addLoopback(resolverAddress); err != nil {
			return err
		}
		address := net.JoinHostPort(resolverAddress, "53")
		var err error
		if tcp, err = net.Listen("tcp4", address); err != nil {
			return err
		}
		udp, err = net.ListenPacket("udp4", address)
		return err
	})
	if err != nil {
		if tcp != nil {
			err = errors.Join(err, tcp.Close())
		}
		return nil, err
	}
	r.servers = []*dns.Server{{Listener: tcp, Handler: r}, {PacketConn: udp, Handler: r}}
	started := make(chan error, 2*len(r.servers))
	for _, server := range r.servers {
		server.NotifyStartedFunc = func() { started <- nil }
		go func() {
			if err := server.ActivateAndServe(); err != nil {
				started <- err
			}
		}()
	}
	// A server that has not started yet cannot be closed.
	if err := errors.Join(<-started, <-started); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// addLoopback adds an address to the loopback interface of the calling thread's namespace, unless it is there.
func addLoopback(address string) error {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	added, err := netlink.ParseAddr(address + "/32")
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(loopback, added); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("address %s: %w", address, err)
	}
	return nil
}

func (r *resolver) close() error {
	var errs []error
	for _, server := range r.servers {
		errs = append(errs, server.Shutdown())
	}
	return errors.Join(errs...)
}

// ServeDNS implements dns.Handler.
func (r *resolver) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	answer := new(dns.Msg).SetReply(query)
	answer.RecursionAvailable = true
	if len(query.Question) == 1 {
		question := query.Question[0]
		address, known := r.lookup(question.Name)
		switch {
		case !known:
			answer.Rcode = dns.RcodeServerFailure
		case question.Qtype == dns.TypeA && question.Qclass == dns.ClassINET:
			header := dns.RR_Header{Name: question.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: resolverTTL}
			answer.Answer = []dns.RR{&dns.A{Hdr: header, A: address.AsSlice()}}
		}
	} else {
		answer.Rcode = dns.RcodeFormatError
	}
	_ = w.WriteMsg(answer) // an error means that the client is gone
}

// lookup returns the address of a name, which is that of the longest domain that it is in.
func (r *resolver) lookup(name string) (netip.Addr, bool) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for {
		if address, ok := r.domains[name]; ok {
			return address, true
		}
		_, parent, ok := strings.Cut(name, ".")
		if !ok {
			return netip.Addr{}, false
		}
		name = parent
	}
}
