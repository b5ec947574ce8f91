package diagram

import (
	_ "embed"
	"html/template"
	"strings"

	"oke-guestbook/plan/layout"
)

//go:embed picture.svg.tmpl
var source string

// A template shows the SVG as it is and escapes the texts. A library such as svgo would replace only the template. D2
// would also arrange the boxes, but it brings a JavaScript engine and more dependencies than the rest of this
// command.
var svg = template.Must(template.New("svg").Parse(source))

// picture is what the template shows. Pills lie on arrows, and arrows on rectangles.
type picture struct {
	Title         string
	Width, Height int
	Rects, Pills  []rect
	Arrows        []arrow
	Texts         []text
}

type rect struct {
	box
	Radius int
	Class  string
}

type arrow struct{ X1, Y1, X2, Y2 int }

type text struct {
	X, Y        int
	Class, Text string
}

func (p *picture) addLines(x, y int, class string, lines ...string) {
	for i, line := range lines {
		p.Texts = append(p.Texts, text{x, y + i*lineHeight, class, line})
	}
}

func (p *picture) addArrow(x1, y1, x2, y2 int) { p.Arrows = append(p.Arrows, arrow{x1, y1, x2, y2}) }

var titles = map[layout.Role]string{
	layout.API:                   "Kubernetes API endpoint",
	layout.Workers:               "Worker nodes",
	layout.Pods:                  "Pods",
	layout.PublicLoadBalancers:   "Public load balancers",
	layout.InternalLoadBalancers: "Internal load balancers",
	layout.Bastion:               "OCI Bastion",
}

// gateways lists the gateways in the order of the legend.
var gateways = []struct {
	gateway     layout.Gateway
	short, long string
}{
	{layout.InternetGateway, "IGW", "internet gateway"},
	{layout.NATGateway, "NAT", "NAT gateway"},
	{layout.ServiceGateway, "SGW", "service gateway"},
	{layout.DRG, "DRG", "dynamic routing gateway"},
}

// SVG draws the network of a stack. The settings must be valid. unset lists those for which layout.StandIn stands in.
func SVG(title string, s layout.Spec, unset []string) (string, error) {
	sc, err := newScene(s, unset)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = svg.Execute(&out, sc.draw(title))
	return out.String(), err
}

func (sc scene) draw(title string) *picture {
	boxes, bottom := sc.arrange()
	notes := sc.notes()
	p := &picture{Title: title, Width: width, Height: bottom + 28 + len(notes)*lineHeight}
	p.addLines(16, 28, "title", title)
	p.Rects = append(p.Rects, rect{box{vcnLeft, vcnTop, vcnRight - vcnLeft, bottom - vcnTop}, 10, "vcn"})
	p.addLines(boxesLeft, vcnTop+23, "vcnname", "VCN "+sc.plan.VCN.String()+existing(sc.plan.ExistingVCN, " (existing)"))
	for _, subnet := range sc.plan.Subnets {
		sc.drawSubnet(p, subnet, boxes[subnet.Role])
	}
	sc.drawLanes(p, boxes)
	p.addLines(16, bottom+26, "note", notes...)
	return p
}

// existing returns the words if there is an OCID.
func existing(id, words string) string {
	if id == "" {
		return ""
	}
	return words
}

// notes returns the lines below the VCN.
func (sc scene) notes() []string {
	notes := []string{
		"An arrow points to where connections may be opened. Answers return by themselves. icmp 3/4: path MTU discovery.",
		"Orange: public subnet; green: private.",
	}
	used := map[layout.Gateway]bool{}
	for _, flows := range sc.outside {
		for _, f := range flows {
			used[f.gateway] = true
		}
	}
	var legend []string
	for _, g := range gateways {
		if used[g.gateway] {
			legend = append(legend, g.short+": "+g.long+".")
		}
	}
	notes = append(append(notes, strings.Join(legend, " ")), sc.rest()...)
	if len(sc.unset) > 0 {
		notes = append(notes, yours+": "+strings.Join(sc.unset, " and ")+", not set yet.")
	}
	return notes
}

func (sc scene) drawSubnet(p *picture, subnet layout.Subnet, b box) {
	class := "private"
	if subnet.Public {
		class = "public"
	}
	p.Rects = append(p.Rects, rect{b, 7, class})
	p.addLines(b.X+12, b.Y+23, "name", titles[subnet.Role])
	facts := []string{subnet.CIDR.String(), class + " subnet" + existing(subnet.ExistingID, ", existing")}
	p.addLines(b.X+12, b.Y+23+lineHeight, "small", append(facts, sc.within(subnet.Role)...)...)

	const far, textFar = 150, 144 // from the picture's border to the outer end of arrows and to the texts
	left, right := sc.sides(subnet.Role)
	p.drawFlows(left, b.Y+22, b.X, vcnLeft, far, textFar, "end")
	p.drawFlows(right, b.Y+22, b.right(), vcnRight, width-far, width-textFar, "start")
}

// drawFlows draws flows below each other, from y on: arrows between near, at the box, and far, pills on the VCN's
// border.
func (p *picture) drawFlows(flows []flow, y, near, border, far, textX int, class string) {
	const pillWidth, pillHeight = 40, 20
	for _, f := range flows {
		if f.inward {
			p.addArrow(far, y, near, y)
		} else {
			p.addArrow(near, y, far, y)
		}
		for _, g := range gateways {
			if g.gateway == f.gateway {
				pill := box{border - pillWidth/2, y - pillHeight/2, pillWidth, pillHeight}
				p.Pills = append(p.Pills, rect{pill, pillHeight / 2, "pill"})
				p.addLines(border, y+4, "pill", g.short)
			}
		}
		p.addLines(textX, y-3, class, f.lines()...)
		y += f.height()
	}
}

// drawLanes draws the connections between subnets.
func (sc scene) drawLanes(p *picture, boxes map[layout.Role]box) {
	const apart = 14 // the two arrows of a lane
	for _, l := range lanes {
		if !sc.has(l.upper) || !sc.has(l.lower) {
			continue
		}
		x, top, bottom := boxes[l.upper].X+l.x, boxes[l.upper].bottom(), boxes[l.lower].Y
		if len(sc.open(l.upper, l.lower)) > 0 {
			p.addArrow(x, top, x, bottom)
		}
		if len(sc.open(l.lower, l.upper)) > 0 {
			p.addArrow(x+apart, bottom, x+apart, top)
		}
		p.addLines(x+apart+10, top+24, "port", sc.laneLabels(l)...)
	}
	if from, ok := boxes[layout.Bastion]; ok {
		to, y := boxes[layout.API].right(), from.Y+from.Height/2
		p.addArrow(from.X, y, to, y)
		if open := sc.open(layout.Bastion, layout.API); fitsBesideBastion(open) {
			p.addLines(to+12, y-6, "port", open...)
		}
	}
}
