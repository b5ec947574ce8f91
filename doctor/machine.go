package doctor

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math/bits"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"oke-guestbook/internal/okeapi"
	"oke-guestbook/plan/layout"
)

// routes compares the stack's networks with this machine's. An overlap is no fault by itself: the stack's addresses are
// reached from here over a VPN or a peer only.
func (v *visit) routes(context.Context) []Result {
	local := connected()
	if file, err := os.Open("/proc/net/route"); err == nil { // Linux: VPNs' routes, too
		defer file.Close()
		local = append(local, kernelRoutes(file)...)
	}
	return []Result{overlaps(v.settings.Network, local)}
}

// overlaps compares the stack's networks with those that this machine has routes to.
func overlaps(s layout.Spec, local []netip.Prefix) Result {
	ranges := []struct{ key, cidr string }{{"vcnCidr", s.VcnCIDR}, {"servicesCidr", s.ServicesCIDR}}
	if s.PodNetwork == layout.Flannel {
		ranges = append(ranges, struct{ key, cidr string }{"podsCidr", s.PodsCIDR})
	}
	for _, r := range ranges {
		cidr, err := layout.ParseCIDR(r.cidr)
		if err != nil {
			continue
		}
		for _, mine := range local {
			switch {
			case !cidr.Overlaps(mine):
			case s.DrgID != "" && r.key == "vcnCidr":
				return failed("%s %s overlaps %s, which this machine has a route to", r.key, r.cidr, mine).
					do("what comes over drgId cannot be reached from here: set another range")
			default:
				return skipped("%s %s overlaps %s, which this machine has a route to: of no consequence, "+
					"unless a VPN connects the two", r.key, r.cidr, mine)
			}
		}
	}
	return ok("no network of the stack overlaps one of this machine's")
}

// connected are the networks of this machine's interfaces, without loopback.
func connected() (list []netip.Prefix) {
	addresses, _ := net.InterfaceAddrs() // none is nothing to compare with
	for _, address := range addresses {
		prefix, err := netip.ParsePrefix(address.String())
		if err == nil && prefix.Addr().Is4() && !prefix.Addr().IsLoopback() {
			list = append(list, prefix.Masked())
		}
	}
	return list
}

// kernelRoutes reads /proc/net/route, whose addresses are in the order of this machine's bytes. The default route is
// left out.
func kernelRoutes(file io.Reader) (list []netip.Prefix) {
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 8 {
			continue
		}
		destination, errDestination := hex.DecodeString(fields[1])
		mask, errMask := hex.DecodeString(fields[7])
		if errDestination != nil || errMask != nil || len(destination) != 4 || len(mask) != 4 {
			continue
		}
		var address [4]byte
		binary.NativeEndian.PutUint32(address[:], binary.BigEndian.Uint32(destination))
		if ones := bits.OnesCount32(binary.BigEndian.Uint32(mask)); ones > 0 {
			list = append(list, netip.PrefixFrom(netip.AddrFrom4(address), ones))
		}
	}
	return list
}

// endpoint checks whether this machine reaches the Kubernetes API, or may once there is one.
func (v *visit) endpoint(ctx context.Context) []Result {
	if address, err := v.apiAddress(ctx); err != nil {
		return []Result{v.unasked("the address of the Kubernetes API", err)}
	} else if address != "" {
		return []Result{v.dial(ctx, address)}
	}
	return []Result{v.mayReach()}
}

// apiAddress returns the address of the stack's Kubernetes API, such as "203.0.113.9:6443"; empty: there is none yet.
func (v *visit) apiAddress(ctx context.Context) (string, error) {
	if v.cloud == nil || v.compartmentID == "" {
		return "", nil
	}
	running, err := v.running(ctx)
	if err != nil || running.ClusterID == "" {
		return "", err
	}
	endpoints, err := okeapi.Client{Client: v.cloud.Client}.Endpoints(ctx, running.ClusterID)
	return cmp.Or(endpoints.Public, endpoints.Private), err
}

// dial connects to the Kubernetes API. What answers is not asked who it is: kubectl does that.
func (v *visit) dial(ctx context.Context, address string) Result {
	dialer := net.Dialer{Timeout: dialPatience}
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err == nil {
		connection.Close()
		return ok("the Kubernetes API answers at %s", address)
	}
	s := v.settings.Network
	if s.APIEndpoint != layout.Public && s.Bastion {
		return v.mayReach()
	}
	cidrs := cmp.Or(strings.Join(slices.Concat(s.APIAllowedCIDRs, s.PeerCIDRs), ", "), "empty")
	return failed("the Kubernetes API cannot be reached from here: %s", firstLine(err)).
		do("apiAllowedCidrs, or peerCidrs for a private one, must have this machine's address, or that of its gateway; "+
			"they are %s", cidrs)
}

// dialPatience is how long a connection may take. Security rules drop packets without an answer.
const dialPatience = 5 * time.Second

// mayReach checks whether the settings let this machine reach the Kubernetes API. Behind address translation its public
// address is not known without asking somebody.
func (v *visit) mayReach() Result {
	s := v.settings.Network
	switch {
	case s.APIEndpoint != layout.Public && s.Bastion:
		return ok("the Kubernetes API is private: make tunnel STACK=%s reaches it", v.Name)
	case s.APIEndpoint != layout.Public:
		return skipped("the Kubernetes API is private: pulumi up must run where peerCidrs or apiAllowedCidrs are")
	case slices.Contains(s.APIAllowedCIDRs, layout.Anywhere):
		return ok("the Kubernetes API is open to the whole internet (apiAllowedCidrs)")
	}
	return reaches(s.APIAllowedCIDRs, public())
}

// reaches compares apiAllowedCidrs with this machine's public addresses.
func reaches(allowed []string, mine []netip.Addr) Result {
	for _, text := range allowed {
		cidr, err := layout.ParseCIDR(text)
		if err == nil && slices.ContainsFunc(mine, cidr.Contains) {
			return ok("apiAllowedCidrs has this machine's address")
		}
	}
	if len(mine) == 0 {
		return skipped("apiAllowedCidrs: this machine has no public address of its own; that of its gateway must be in %s",
			strings.Join(allowed, ", "))
	}
	return failed("apiAllowedCidrs %s has none of this machine's addresses, such as %s", strings.Join(allowed, ", "),
		mine[0]).do("pulumi config set --path 'apiAllowedCidrs[%d]' %s/32", len(allowed), mine[0])
}

// public are the public IPv4 addresses of this machine's interfaces.
func public() (list []netip.Addr) {
	addresses, _ := net.InterfaceAddrs()
	for _, address := range addresses {
		prefix, err := netip.ParsePrefix(address.String())
		if err != nil {
			continue
		}
		if a := prefix.Addr(); a.Is4() && a.IsGlobalUnicast() && !a.IsPrivate() && !shared.Contains(a) {
			list = append(list, a)
		}
	}
	return list
}

var shared = netip.MustParsePrefix("100.64.0.0/10") // of carriers' address translation (RFC 6598)
