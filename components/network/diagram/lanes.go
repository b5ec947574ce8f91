package diagram

import (
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/components/network/layout"
)

// lane is where connections between two subnets are drawn: straight down, from
// the bottom of upper to the top of lower, at x.
type lane struct {
	upper, lower layout.Role
	x            func(upper, lower box) int
}

func middleOf(pick func(upper, lower box) box) func(upper, lower box) int {
	return func(upper, lower box) int { b := pick(upper, lower); return b.x + b.width/2 }
}

func upperBox(upper, _ box) box { return upper }
func lowerBox(_, lower box) box { return lower }

var lanes = []lane{
	{layout.PublicLoadBalancers, layout.Workers, func(upper, _ box) int { return upper.x + 30 }},
	{layout.InternalLoadBalancers, layout.Workers, func(upper, _ box) int { return upper.x + 30 }},
	{layout.Workers, layout.Pods, middleOf(lowerBox)},
	{layout.Workers, layout.API, func(upper, _ box) int { return upper.x + 30 }},
	{layout.Pods, layout.API, func(upper, _ box) int { return upper.x + 20 }},
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
		c.lines(api.right()+12, y-6, "port", sc.between[[2]layout.Role{layout.Bastion, layout.API}])
	}
}

// labels are the lines beside a lane.
func (sc scene) labels(l lane) []string {
	var lines []string
	_, sideBySide := sc.network.Plan.Subnet(layout.InternalLoadBalancers)
	for _, line := range sc.between[[2]layout.Role{l.upper, l.lower}] {
		parts := []string{line}
		if sideBySide && l.lower == layout.Workers {
			parts = wrap(parts, besideLane)
		}
		lines = append(lines, "\u2193 "+parts[0])
		for _, rest := range parts[1:] {
			lines = append(lines, "\u00a0\u00a0\u00a0"+rest)
		}
	}
	for _, line := range sc.between[[2]layout.Role{l.lower, l.upper}] {
		lines = append(lines, "\u2191 "+line)
	}
	return lines
}

// rest lists the connections between subnets that no lane shows.
func (sc scene) rest() []string {
	var lines []string
	for _, from := range layout.Roles {
		for _, to := range layout.Roles {
			open := sc.between[[2]layout.Role{from, to}]
			shown := from == to || from == layout.Bastion && to == layout.API || slices.ContainsFunc(lanes, func(l lane) bool {
				return l.upper == from && l.lower == to || l.upper == to && l.lower == from
			})
			if len(open) > 0 && !shown {
				lines = append(lines, fmt.Sprintf("Also %s to %s: %s", from, to, strings.Join(open, "; ")))
			}
		}
	}
	return lines
}
