package diagram

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"oke-guestbook/components/network/layout"
)

// specs are the stacks to draw: every combination that changes the drawing, and one with everything in it.
func specs() map[string]layout.Spec {
	all := map[string]layout.Spec{}
	for _, podNetwork := range []string{layout.Flannel, layout.VCNNative} {
		for _, endpoint := range []string{layout.Private, layout.Public} {
			for _, balancers := range []string{layout.Public, layout.Internal, layout.Both} {
				for _, egress := range []string{layout.EgressNone, layout.EgressWorkersAndPods} {
					for _, clients := range [][]string{{layout.Anywhere}, {"203.0.113.0/24", "198.51.100.0/24", "192.0.2.128/25"}} {
						s := layout.Spec{
							PodNetwork: podNetwork, APIEndpoint: endpoint, LoadBalancers: balancers, InternetEgress: egress,
							LoadBalancerAllowedCIDRs: clients, APIAllowedCIDRs: []string{"203.0.113.255/32", "198.51.100.255/32"},
							InternalLoadBalancerAllowedCIDRs: []string{"192.168.128.0/17"},
							VcnCIDR:                          "192.168.128.0/17",
						}
						s.Bastion, s.BastionAllowedCIDRs = endpoint == layout.Private, []string{"198.51.100.255/32", "203.0.113.0/24"}
						if endpoint == layout.Private {
							s.APIAllowedCIDRs = nil
						}
						s.ApplyDefaults()
						all[fmt.Sprintf("%s %s %s %s %d", podNetwork, endpoint, balancers, egress, len(clients))] = s
					}
				}
			}
		}
	}
	full := layout.Spec{
		PodNetwork: layout.VCNNative, LoadBalancers: layout.Both, InternetEgress: layout.EgressWorkersAndPods, VcnID: "ocid1.vcn.oc1.iad.aaaa",
		LoadBalancerAllowedCIDRs: []string{"203.0.113.0/24", "198.51.100.0/24"}, InternalLoadBalancerAllowedCIDRs: []string{"172.16.0.0/16", "10.0.0.0/16"},
		LoadBalancerPorts: []layout.PortRange{{Min: 80, Max: 80}, {Min: 443, Max: 443}, {Min: 8000, Max: 8010}, {Min: 9000, Max: 9010}},
		DrgID:             "ocid1.drg.oc1.iad.aaaa", PeerCIDRs: []string{"172.16.0.0/16", "172.31.0.0/16"}, APIAllowedCIDRs: []string{"172.16.4.0/24"},
		Bastion: true, BastionAllowedCIDRs: []string{"203.0.113.0/24"}, SecurityBy: layout.Groups,
		Subnets: map[layout.Role]layout.SubnetSpec{layout.Workers: {ID: "ocid1.subnet.oc1.iad.aaaa", CIDR: "10.0.72.0/22"}},
		ExtraRules: []layout.ExtraRule{
			{From: "pods", To: "workers", Protocol: "tcp", Ports: "10250"}, {From: "pods", To: "internalLoadBalancers", Protocol: "tcp", Ports: "443"},
		},
	}
	full.ApplyDefaults()
	all["everything"] = full
	return all
}

// label is a text element and about how much room it takes.
type label struct {
	text                     string
	left, right, top, bottom float64
}

func (l label) overlaps(other label) bool {
	return l.left < other.right && other.left < l.right && l.top < other.bottom && other.top < l.bottom
}

// labels reads the texts of a drawing, with a generous width for each letter, and its boxes.
func labels(t *testing.T, svg string) (all, boxes []label, height float64) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return all, boxes, height
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		attributes := map[string]string{}
		for _, a := range element.Attr {
			attributes[a.Name.Local] = a.Value
		}
		if element.Name.Local == "svg" {
			height, _ = strconv.ParseFloat(attributes["height"], 64)
		}
		x, _ := strconv.ParseFloat(attributes["x"], 64)
		y, _ := strconv.ParseFloat(attributes["y"], 64)
		if class := attributes["class"]; class == "public" || class == "private" {
			w, _ := strconv.ParseFloat(attributes["width"], 64)
			h, _ := strconv.ParseFloat(attributes["height"], 64)
			boxes = append(boxes, label{class, x, x + w, y, y + h})
		}
		if element.Name.Local != "text" {
			continue
		}
		var text string
		if err := decoder.DecodeElement(&text, &element); err != nil {
			t.Fatal(err)
		}
		perLetter := 6.8
		switch class := attributes["class"]; {
		case class == "title":
			perLetter = 9.2
		case class == "name" || class == "vcnname":
			perLetter = 7.6
		case class == "pill":
			perLetter, x = 8, x-12
		case strings.HasSuffix(class, "end"):
			x -= perLetter * float64(len(text))
		}
		all = append(all, label{text, x, x + perLetter*float64(len(text)), y - 10, y + 3})
	}
}

func TestNothingOverlapsOrIsCutOff(t *testing.T) {
	for name, spec := range specs() {
		t.Run(name, func(t *testing.T) {
			svg, err := SVG(name, spec)
			if err != nil {
				t.Fatal(err)
			}
			all, boxes, height := labels(t, svg)
			for i, one := range all {
				if one.left < 0 || one.right > width || one.top < 0 || one.bottom > height {
					t.Errorf("%q is cut off: %.0f to %.0f", one.text, one.left, one.right)
				}
				for _, other := range all[:i] {
					if one.overlaps(other) {
						t.Errorf("%q overlaps %q", one.text, other.text)
					}
				}
				for _, box := range boxes {
					if one.overlaps(box) && (one.left < box.left || one.right > box.right || one.top < box.top || one.bottom > box.bottom) {
						t.Errorf("%q crosses the border of a box", one.text)
					}
				}
			}
		})
	}
}

func TestDrawingSaysWhatIsOpen(t *testing.T) {
	svg, err := SVG("stack <prod>", specs()["everything"])
	if err != nil {
		t.Fatal(err)
	}
	all, _, _ := labels(t, svg)
	var texts []string
	for _, one := range all {
		texts = append(texts, one.text)
	}
	got := strings.Join(texts, "\n")
	for _, want := range []string{
		"stack <prod>", "VCN 10.0.0.0/16 (existing)", "10.0.72.0/22", "private subnet, existing",
		"tcp, udp 30000-32767, 10256", "↓ tcp 6443, 12250", "↑ tcp 10250", "from 10.0.0.0/16:\ntcp 80, 443,",
		"203.0.113.0/24\nand 1 more\ntcp 80, 443,\n8000-8010, 9000-9010", "Peer 172.16.0.0/16", "172.16.4.0/24\ntcp 6443", "bastion sessions",
		"Also pods to internalLoadBalancers: tcp 443", "IGW: internet gateway. NAT: NAT gateway. SGW: service gateway. DRG: dynamic routing gateway.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}
