package diagram

import (
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/plan/layout"
)

// lane is where connections between two subnets are drawn: straight down, from
// the bottom of upper to the top of lower, at x.
type lane struct {
	upper, lower layout.Role
	x            func(upper, lower box) int
	fits         int // letters beside it, also in a wide font
}

func middleOf(pick func(upper, lower box) box) func(upper, lower box) int {
	return func(upper, lower box) int { b := pick(upper, lower); return b.x + b.width/2 }
}

func upperBox(upper, _ box) box { return upper }
func lowerBox(_, lower box) box { return lower }

var lanes = []lane{
	{layout.PublicLoadBalancers, layout.Workers, func(upper, _ box) int { return upper.x + 30 }, 24},
	{layout.InternalLoadBalancers, layout.Workers, func(upper, _ box) int { return upper.x + 30 }, 22},
	{layout.Workers, layout.Pods, middleOf(lowerBox), 15},
	{layout.Workers, layout.API, func(upper, _ box) int { return upper.x + 30 }, 30},
	{layout.Pods, layout.API, func(upper, _ box) int { return upper.x + 20 }, 26},
}

// apart is the distance between the two arrows of a lane.
const apart = 14

// drawLanes draws the connections between subnets.
func (sc scene) drawLanes(c *canvas, boxes map[layout.Role]box) {
	for _, l := range lanes {
		upper, okUpper := boxes[l.upper]
		lower, okLower := boxes[l.lower]
		if !okUpper || !okLower {
			continue
		}
		down, up := sc.between[[2]layout.Role{l.upper, l.lower}], sc.between[[2]layout.Role{l.lower, l.upper}]
		x, y := l.x(upper, lower), upper.bottom()+24
		if len(down) > 0 {
			c.arrow(x, upper.bottom(), x, lower.y)
		}
		if len(up) > 0 {
			c.arrow(x+apart, lower.y, x+apart, upper.bottom())
		}
		c.lines(x+apart+10, y, "port", sc.labels(l))
	}
	if from, ok := boxes[layout.Bastion]; ok {
		api := boxes[layout.API]
		y := from.y + from.height/2
		c.arrow(from.x, y, api.right(), y)
		if open := sc.between[[2]layout.Role{layout.Bastion, layout.API}]; fitsBesideBastion(open) {
			c.lines(api.right()+12, y-6, "port", open)
		}
	}
}

// fitsBesideBastion reports whether there is room for the ports between the boxes of the bastion and the API.
func fitsBesideBastion(open []string) bool { return len(open) == 1 && len(open[0]) <= 8 }

// labels are the lines beside a lane.
func (sc scene) labels(l lane) []string {
	fits := l.fits
	if _, sideBySide := sc.network.Plan.Subnet(layout.InternalLoadBalancers); l.upper == layout.PublicLoadBalancers && !sideBySide {
		fits *= 2
	}
	var lines []string
	add := func(arrow string, from, to layout.Role) {
		for _, line := range sc.between[[2]layout.Role{from, to}] {
			parts := wrap([]string{line}, fits)
			lines = append(lines, arrow+" "+parts[0])
			for _, rest := range parts[1:] {
				lines = append(lines, "\u00a0\u00a0\u00a0"+rest)
			}
		}
	}
	add("\u2193", l.upper, l.lower)
	add("\u2191", l.lower, l.upper)
	return lines
}

// rest lists the connections that neither a lane nor a box shows.
func (sc scene) rest() []string {
	var lines []string
	add := func(from, to string, open []string) {
		lines = append(lines, fmt.Sprintf("Also %s to %s: %s", from, to, strings.Join(open, "; ")))
	}
	for _, from := range layout.Roles {
		for _, to := range layout.Roles {
			open := sc.between[[2]layout.Role{from, to}]
			shown := from == to && from != layout.Bastion || from == layout.Bastion && to == layout.API && fitsBesideBastion(open) ||
				slices.ContainsFunc(lanes, func(l lane) bool { return l.upper == from && l.lower == to || l.upper == to && l.lower == from })
			if len(open) > 0 && !shown {
				add(string(from), string(to), open)
			}
		}
	}
	for _, f := range sc.inside[layout.Bastion] { // whose box is narrow
		if far := strings.Join(f.names, " "); f.inward {
			add(far, string(layout.Bastion), f.ports)
		} else {
			add(string(layout.Bastion), far, f.ports)
		}
	}
	return wrap(lines, belowVCN)
}
