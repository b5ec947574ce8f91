package diagram

import (
	"fmt"
	"html"
	"slices"
	"strings"

	"oke-guestbook/plan/layout"
)

// The drawing's measures, in the units of the picture, which is as wide as a README's column.
const (
	width      = 920
	vcnLeft    = 200
	vcnRight   = 720
	inset      = 34 // from the VCN's border to the boxes
	boxHeight  = 76
	lineHeight = 17
	pillWidth  = 40
)

type canvas struct{ strings.Builder }

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(c, format+"\n", args...) }

func (c *canvas) text(x, y int, class, text string) {
	c.add(`<text x="%d" y="%d" class="%s">%s</text>`, x, y, class, html.EscapeString(text))
}

func (c *canvas) lines(x, y int, class string, lines []string) {
	for i, line := range lines {
		c.text(x, y+i*lineHeight, class, line)
	}
}

func (c *canvas) arrow(x1, y1, x2, y2 int) {
	c.add(`<path d="M%d %dL%d %d" class="arrow" marker-end="url(#head)"/>`, x1, y1, x2, y2)
}

// box is where a subnet is drawn.
type box struct{ x, y, width, height int }

func (b box) right() int  { return b.x + b.width }
func (b box) bottom() int { return b.y + b.height }

// SVG draws the network that the settings ask for. The settings must be valid; unset are those that layout.StandIn stands in for.
func SVG(title string, s layout.Spec, unset []string) (string, error) {
	sc, err := describe(title, s, unset)
	if err != nil {
		return "", err
	}
	boxes, bottom := sc.arrange()
	c := &canvas{}
	also := sc.rest()
	if len(unset) > 0 {
		also = append(also, yours+": "+strings.Join(unset, " and ")+", not set yet.")
	}
	height := bottom + 79 + len(also)*lineHeight
	c.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`, width, height, width, height)
	c.add("<title>%s</title>", html.EscapeString(title))
	c.add("%s", style)
	c.add(`<rect width="%d" height="%d" fill="#ffffff"/>`, width, height)
	c.text(16, 28, "title", sc.title)
	c.add(`<rect x="%d" y="48" width="%d" height="%d" rx="10" class="vcn"/>`, vcnLeft, vcnRight-vcnLeft, bottom-48)
	c.text(vcnLeft+inset, 71, "vcnname", sc.vcn)
	for _, subnet := range sc.network.Plan.Subnets {
		sc.drawSubnet(c, subnet, boxes[subnet.Role])
	}
	sc.drawLanes(c, boxes)
	c.lines(16, bottom+26, "note", append([]string{
		"An arrow points to where connections may be opened. Answers return by themselves. icmp 3/4: path MTU discovery.",
		"Orange: public subnet; green: private.",
		legend(c.String()),
	}, also...))
	c.add("</svg>")
	return c.String(), nil
}

const style = `<style>
text{font-family:Helvetica,Arial,sans-serif;font-size:13px;fill:#24292f}
.title{font-size:17px;font-weight:bold}.vcnname{font-weight:bold;fill:#57606a}
.name{font-weight:bold;font-size:14px}.small{fill:#57606a}.note{fill:#57606a}.port{font-size:12.5px}
.pill{font-size:11px;font-weight:bold;fill:#ffffff;text-anchor:middle}.end{text-anchor:end}
.vcn{fill:#f6f8fa;stroke:#8c959f;stroke-width:1.5}
.public{fill:#fff1e5;stroke:#bc4c00;stroke-width:1.5}.private{fill:#dafbe1;stroke:#1a7f37;stroke-width:1.5}
.arrow{stroke:#24292f;stroke-width:1.4;fill:none}
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#24292f"/></marker></defs>`

// legend spells out the gateways that the drawing names.
func legend(drawing string) string {
	var words []string
	for _, gateway := range []struct{ short, long string }{
		{"IGW", "internet gateway"}, {"NAT", "NAT gateway"}, {"SGW", "service gateway"}, {"DRG", "dynamic routing gateway"},
	} {
		if strings.Contains(drawing, ">"+gateway.short+"<") {
			words = append(words, gateway.short+": "+gateway.long)
		}
	}
	return strings.Join(words, ". ") + "."
}

// arrange places the subnets in rows: load balancers, workers, Pods, API and
// bastion. It returns where the VCN ends.
func (sc scene) arrange() (map[layout.Role]box, int) {
	boxes := map[layout.Role]box{}
	y, above := 88, []layout.Role(nil)
	for _, row := range [][]layout.Role{
		{layout.PublicLoadBalancers, layout.InternalLoadBalancers}, {layout.Workers}, {layout.Pods}, {layout.API, layout.Bastion},
	} {
		height := 0
		for _, role := range row {
			if _, ok := sc.network.Plan.Subnet(role); ok {
				left, right := sc.sides(role)
				height = max(height, boxHeight, flowsHeight(left), flowsHeight(right), sc.textHeight(role))
			}
		}
		if height == 0 {
			continue
		}
		if len(above) > 0 {
			y += sc.gapBelow(above)
		}
		above = row
		for _, role := range row {
			if _, ok := sc.network.Plan.Subnet(role); ok {
				x, w := column(role)
				boxes[role] = box{x, y, w, height}
			}
		}
		y += height
	}
	return boxes, y + 24
}

// gapBelow leaves room for the labels of the lanes that begin under a row.
func (sc scene) gapBelow(row []layout.Role) int {
	lines := 1
	for _, l := range lanes {
		if slices.Contains(row, l.upper) {
			lines = max(lines, len(sc.labels(l)))
		}
	}
	return 28 + lines*lineHeight
}

// flowsHeight is what flows take at the side of a box.
func flowsHeight(flows []flow) int {
	height := 8
	for _, f := range flows {
		height += f.height()
	}
	return height
}

// lines of a flow's label.
func (f flow) lines() []string {
	var lines []string
	for _, name := range f.names {
		if len(name) > besideVCN {
			name = strings.Replace(name, " ", "\n", 1) // "Peer", and the network
		}
		lines = append(lines, strings.Split(name, "\n")...)
	}
	return append(lines, wrap(f.ports, besideVCN)...)
}

// height of a flow's label, with some air.
func (f flow) height() int { return 12 + lineHeight*len(f.lines()) }

// column is where a role's box begins, and its width. Left of the Pods' box
// runs the lane between workers and the API.
func column(role layout.Role) (x, boxWidth int) {
	const whole = vcnRight - vcnLeft - 2*inset
	const left = vcnLeft + inset
	switch role {
	case layout.PublicLoadBalancers:
		return left, whole/2 - 8
	case layout.InternalLoadBalancers:
		return left + whole/2 + 8, whole/2 - 8
	case layout.Pods:
		return left + 200, whole - 200
	case layout.API:
		return left, whole - 204
	case layout.Bastion:
		return left + whole - 132, 132
	}
	return left, whole
}

// sides divides a subnet's outside flows between the left and the right border.
func (sc scene) sides(role layout.Role) (left, right []flow) {
	for _, f := range sc.outside[role] {
		switch role {
		case layout.InternalLoadBalancers, layout.Bastion, layout.Pods:
			right = append(right, f)
		case layout.PublicLoadBalancers, layout.API:
			left = append(left, f)
		default:
			if f.inward {
				left = append(left, f)
			} else {
				right = append(right, f)
			}
		}
	}
	return left, right
}

// within are the lines that a subnet's box holds under its name and CIDR.
func (sc scene) within(role layout.Role) []string {
	if role == layout.Bastion { // whose box is narrow
		return nil
	}
	var lines []string
	for _, f := range sc.inside[role] {
		names := slices.Clone(f.names)
		names[0] = map[bool]string{true: "from ", false: "to "}[f.inward] + names[0]
		names[len(names)-1] += ":"
		lines = append(append(lines, names...), wrap(f.ports, besideVCN)...)
	}
	own := sc.between[[2]layout.Role{role, role}]
	if len(own) == 0 {
		return lines
	}
	const words, wordsWidth, letterWidth = "among themselves:", 130, 8 // in a wide font
	line := strings.Join(own, "; ")
	if _, width := column(role); wordsWidth+letterWidth*len(line) <= width-18 {
		return append(lines, words+" "+line)
	}
	return append(append(lines, words), wrap(own, besideVCN)...)
}

func (sc scene) textHeight(role layout.Role) int {
	return 22 + lineHeight*(3+len(sc.within(role)))
}

func (sc scene) drawSubnet(c *canvas, subnet layout.Subnet, b box) {
	class := "private"
	if subnet.Public {
		class = "public"
	}
	c.add(`<rect x="%d" y="%d" width="%d" height="%d" rx="7" class="%s"/>`, b.x, b.y, b.width, b.height, class)
	facts := class + " subnet"
	if subnet.ExistingID != "" {
		facts += ", existing"
	}
	lines := append([]string{subnet.CIDR.String(), facts}, sc.within(subnet.Role)...)
	c.text(b.x+12, b.y+23, "name", titles[subnet.Role])
	c.lines(b.x+12, b.y+23+lineHeight, "small", lines)
	left, right := sc.sides(subnet.Role)
	y := b.y + 22
	for _, f := range left {
		drawLeft(c, f, b, y)
		y += f.height()
	}
	y = b.y + 22
	for _, f := range right {
		drawRight(c, f, b, y)
		y += f.height()
	}
}

func drawLeft(c *canvas, f flow, b box, y int) {
	from, to := 150, b.x
	if !f.inward {
		from, to = b.x, 150
	}
	c.arrow(from, y, to, y)
	pill(c, vcnLeft, y, f.gateway)
	c.lines(144, y-3, "end", f.lines())
}

func drawRight(c *canvas, f flow, b box, y int) {
	from, to := b.right(), width-150
	if f.inward {
		from, to = to, from
	}
	c.arrow(from, y, to, y)
	pill(c, vcnRight, y, f.gateway)
	c.lines(width-144, y-3, "", f.lines())
}

func pill(c *canvas, x, y int, name string) {
	if name == "" {
		return
	}
	c.add(`<rect x="%d" y="%d" width="%d" height="20" rx="10" fill="#57606a"/>`, x-pillWidth/2, y-10, pillWidth)
	c.text(x, y+4, "pill", name)
}
