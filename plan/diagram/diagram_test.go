package diagram

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"oke-guestbook/plan/layout"
)

// specs returns the stacks to draw: every combination that changes the drawing, and one with everything in it.
func specs() map[string]layout.Spec {
	all := map[string]layout.Spec{}
	for _, podNetwork := range []layout.PodNetwork{layout.Flannel, layout.VCNNative} {
		for _, endpoint := range []layout.Visibility{layout.Private, layout.Public} {
			for _, balancers := range []layout.Visibility{layout.Public, layout.Internal, layout.Both} {
				for _, egress := range []layout.Egress{layout.EgressNone, layout.EgressWorkersAndPods} {
					for _, clients := range [][]string{{layout.Anywhere}, {"203.0.113.0/24", "198.51.100.0/24", "192.0.2.128/25"}} {
						s := layout.Spec{
							PodNetwork: podNetwork, APIEndpoint: endpoint, LoadBalancers: balancers, InternetEgress: egress,
							VcnCIDR: "192.168.128.0/17", InternalLoadBalancerAllowedCIDRs: []string{"192.168.128.0/17"},
							LoadBalancerAllowedCIDRs: clients,
							APIAllowedCIDRs:          []string{"203.0.113.255/32", "198.51.100.255/32"},
						}
						s.Bastion, s.BastionAllowedCIDRs = endpoint == layout.Private, []string{"198.51.100.255/32", "203.0.113.0/24"}
						if endpoint == layout.Private {
							s.APIAllowedCIDRs = nil
						}
						s.ApplyDefaults()
						name := fmt.Sprintf("%s %s %s %s %d", podNetwork, endpoint, balancers, egress, len(clients))
						all[name] = s
						if egress == layout.EgressNone && len(clients) == 1 {
							s.ExtraRules = rulesBetweenAll(s)
							all[name+" and rules between all"] = s
						}
					}
				}
			}
		}
	}
	full := layout.Spec{
		PodNetwork: layout.VCNNative, LoadBalancers: layout.Both, InternetEgress: layout.EgressWorkersAndPods,
		VcnID: "ocid1.vcn.oc1.iad.aaaa", SecurityBy: layout.Groups,
		LoadBalancerAllowedCIDRs:         []string{"203.0.113.0/24", "198.51.100.0/24"},
		InternalLoadBalancerAllowedCIDRs: []string{"172.16.0.0/16", "10.0.0.0/16"},
		LoadBalancerPorts: []layout.PortRange{
			{Min: 80, Max: 80}, {Min: 443, Max: 443}, {Min: 8000, Max: 8010}, {Min: 9000, Max: 9010},
		},
		Metrics: true,
		DrgID:   "ocid1.drg.oc1.iad.aaaa", PeerCIDRs: []string{"172.16.0.0/16", "172.31.128.128/25"},
		APIAllowedCIDRs: []string{"172.16.4.0/24"}, Bastion: true, BastionAllowedCIDRs: []string{"203.0.113.0/24"},
		Subnets: map[layout.Role]layout.SubnetSpec{
			layout.Workers: {ID: "ocid1.subnet.oc1.iad.aaaa", CIDR: "10.0.72.0/22"},
		},
		ExtraRules: []layout.ExtraRule{
			{From: "pods", To: "internalLoadBalancers", Protocol: "tcp", Ports: "443"},
			{From: "workers", To: "10.0.40.0/24", Protocol: "tcp", Ports: "5432"},
			{From: "bastion", To: "10.0.40.0/24", Protocol: "tcp", Ports: "22"},
		},
	}
	full.ApplyDefaults()
	all["everything"] = full
	return all
}

// rulesBetweenAll opens many ports between all subnets, and between each subnet and other hosts of the VCN.
func rulesBetweenAll(s layout.Spec) (all []layout.ExtraRule) {
	for _, one := range layout.Roles {
		networks := []layout.Role{"192.168.153.128/25", "192.168.153.0/26", "192.168.153.64/26"}
		for i, other := range slices.Concat(layout.Roles, networks) {
			role := i < len(layout.Roles)
			if !s.Has(one) || role && !s.Has(other) {
				continue
			}
			for low := 10000; low < 10110; low += 10 {
				ports := layout.Ports(fmt.Sprintf("%d-%d", low, low+1))
				all = append(all, layout.ExtraRule{From: string(one), To: string(other), Protocol: "tcp", Ports: ports})
				if !role {
					all = append(all, layout.ExtraRule{From: string(other), To: string(one), Protocol: "tcp", Ports: ports})
				}
			}
		}
	}
	return all
}

// label is something drawn, with the area that it takes.
type label struct {
	text                     string
	left, right, top, bottom float64
}

func (l label) overlaps(other label) bool {
	return l.left < other.right && other.left < l.right && l.top < other.bottom && other.top < l.bottom
}

func (l label) within(other label) bool {
	return l.left >= other.left && l.right <= other.right && l.top >= other.top && l.bottom <= other.bottom
}

func (l label) position() string { return fmt.Sprintf("%.0f, %.0f", l.left, l.top) }

// drawing is the content of an SVG.
type drawing struct {
	texts, boxes, pills, arrows []label
	vcn, whole                  label
}

// fonts holds the size of each class of text, and whether it is bold.
var fonts = map[string]struct {
	size float64
	bold bool
}{
	"title": {17, true}, "vcnname": {13, true}, "name": {14, true}, "pill": {11, true}, "port": {12.5, false},
	"start": {13, false}, "end": {13, false}, "small": {13, false}, "note": {13, false},
}

// textWidth estimates the width in DejaVu Sans, which is wider than the fonts that the style names and replaces them
// on many machines.
func textWidth(text, class string) (width float64) {
	for _, r := range text {
		switch {
		case strings.ContainsRune("fijlrtI", r):
			width += 0.36
		case strings.ContainsRune(" .,:;/-()", r):
			width += 0.35
		case strings.ContainsRune("mwMW\u2191\u2193", r):
			width += 0.9
		case unicode.IsUpper(r):
			width += 0.7
		default: // digits among them
			width += 0.63
		}
	}
	if fonts[class].bold {
		width *= 1.1
	}
	return width * fonts[class].size
}

// read reads a drawing.
func read(t *testing.T, svg string) (d drawing) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return d
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
		number := func(name string) float64 {
			n, _ := strconv.ParseFloat(attributes[name], 64)
			return n
		}
		x, y, class := number("x"), number("y"), attributes["class"]
		area := label{class, x, x + number("width"), y, y + number("height")}
		switch element.Name.Local {
		case "svg":
			d.whole = area
		case "rect":
			switch {
			case class == "public" || class == "private":
				d.boxes = append(d.boxes, area)
			case class == "vcn":
				d.vcn = area
			case class == "pill":
				d.pills = append(d.pills, area)
			}
		case "path":
			if class == "arrow" {
				var x1, y1, x2, y2 float64
				if _, err := fmt.Sscanf(attributes["d"], "M%f %fL%f %f", &x1, &y1, &x2, &y2); err != nil {
					t.Fatalf("arrow %q: %v", attributes["d"], err)
				}
				area := label{"arrow " + attributes["d"], min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)}
				d.arrows = append(d.arrows, area)
			}
		case "text":
			var text string
			if err := decoder.DecodeElement(&text, &element); err != nil {
				t.Fatal(err)
			}
			d.texts = append(d.texts, textLabel(t, x, y, class, text))
		}
	}
}

// textLabel returns the area of a text. Its class decides to which side of x it extends.
func textLabel(t *testing.T, x, y float64, class, text string) label {
	t.Helper()
	if fonts[class].size == 0 {
		t.Fatalf("text %q has the unknown class %q", text, class)
	}
	w := textWidth(text, class)
	switch class {
	case "pill":
		x -= w / 2
	case "end":
		x -= w
	}
	return label{text, x, x + w, y - 10, y + 3}
}

func TestNothingOverlapsOrIsCutOff(t *testing.T) {
	for name, spec := range specs() {
		t.Run(name, func(t *testing.T) {
			svg, err := SVG(name, spec, []string{"apiAllowedCidrs", "bastionAllowedCidrs"})
			if err != nil {
				t.Fatal(err)
			}
			d := read(t, svg)
			if len(d.texts) == 0 || len(d.boxes) < 3 || len(d.pills) == 0 || len(d.arrows) == 0 {
				t.Fatalf("read %d texts, %d boxes, %d pills and %d arrows", len(d.texts), len(d.boxes), len(d.pills), len(d.arrows))
			}
			d.checkTexts(t)
			d.checkBoxes(t)
			for i, one := range d.pills {
				if slices.ContainsFunc(d.pills[:i], one.overlaps) {
					t.Errorf("the pill at %s overlaps another", one.position())
				}
			}
		})
	}
}

func (d drawing) checkTexts(t *testing.T) {
	for i, one := range d.texts {
		if !one.within(d.whole) {
			t.Errorf("%q is cut off: %.0f to %.0f", one.text, one.left, one.right)
		}
		for _, other := range d.texts[:i] {
			if one.overlaps(other) {
				t.Errorf("%q overlaps %q", one.text, other.text)
			}
		}
		if slices.ContainsFunc(d.pills, one.within) { // pills lie on the VCN's border and on their arrows
			continue
		}
		for _, around := range append(slices.Concat(d.boxes, d.pills), d.vcn) {
			if one.overlaps(around) && !one.within(around) {
				t.Errorf("%q crosses the border of the %s", one.text, around.text)
			}
		}
		for _, arrow := range d.arrows {
			if one.overlaps(arrow) {
				t.Errorf("%s runs through %q", arrow.text, one.text)
			}
		}
	}
}

func (d drawing) checkBoxes(t *testing.T) {
	for i, one := range d.boxes {
		if !one.within(d.vcn) || !d.vcn.within(d.whole) {
			t.Errorf("the %s box at %s is not inside the VCN, or the VCN not inside the picture", one.text, one.position())
		}
		for _, other := range slices.Concat(d.boxes[:i], d.pills, d.arrows) {
			if one.overlaps(other) {
				t.Errorf("the %s box at %s overlaps the %s at %s", one.text, one.position(), other.text, other.position())
			}
		}
	}
}

// texts returns the texts of a drawing, a line each.
func texts(t *testing.T, spec layout.Spec, unset []string) string {
	t.Helper()
	svg, err := SVG("stack <prod>", spec, unset)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, one := range read(t, svg).texts {
		all = append(all, one.text)
	}
	return strings.Join(all, "\n")
}

func TestDrawingShowsWhatIsOpen(t *testing.T) {
	got := texts(t, specs()["everything"], nil)
	for _, want := range []string{
		"stack <prod>", "VCN 10.0.0.0/16 (existing)", "10.0.72.0/22", "private subnet, existing",
		"↓ tcp, udp 30000-32767,\n\u00a0\u00a0\u00a010256", "↓ tcp 6443, 12250", "↑ tcp 10250",
		"from 10.0.0.0/16:\ntcp 80, 443,", "203.0.113.0/24\nand 1 more\ntcp 80, 443,\n8000-8010,\n9000-9010",
		"Peer 172.16.0.0/16", "172.16.4.0/24\ntcp 6443", "bastion sessions",
		"Also pods to internalLoadBalancers: tcp 443", "to 10.0.40.0/24:\ntcp 5432", "Also bastion to 10.0.40.0/24: tcp 22",
		"IGW: internet gateway. NAT: NAT gateway. SGW: service gateway. DRG: dynamic routing gateway.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

func TestStandInIsNamedYourNetworks(t *testing.T) {
	spec := layout.Spec{APIEndpoint: layout.Public, LoadBalancerAllowedCIDRs: []string{layout.Anywhere}}
	spec.ApplyDefaults()
	got := texts(t, spec, spec.FillIn())
	for _, want := range []string{"Your networks\ntcp 6443", "Your networks: apiAllowedCidrs, not set yet."} {
		if !strings.Contains(got, want) || strings.Contains(got, layout.StandIn) {
			t.Errorf("%q is missing, or %s is shown, in\n%s", want, layout.StandIn, got)
		}
	}
}
