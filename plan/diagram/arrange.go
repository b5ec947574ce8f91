package diagram

import (
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/plan/layout"
)

// Measures in the units of the picture, which is as wide as the column of a README.
const (
	width      = 920
	vcnLeft    = 200
	vcnRight   = 720
	vcnTop     = 48
	inset      = 34 // from the VCN's border to the boxes
	boxHeight  = 76
	lineHeight = 17

	boxesLeft  = vcnLeft + inset
	boxesWidth = vcnRight - vcnLeft - 2*inset
	podsLeft   = 200 // the lane between workers and the API runs beside the Pods' box
)

// How many letters fit, also in a wide font.
const (
	besideVCN = 19
	belowVCN  = 108
)

// box is where a subnet is drawn.
type box struct{ X, Y, Width, Height int }

func (b box) right() int  { return b.X + b.Width }
func (b box) bottom() int { return b.Y + b.Height }

// rows holds the roles from the top to the bottom.
var rows = [][]layout.Role{
	{layout.PublicLoadBalancers, layout.InternalLoadBalancers},
	{layout.Workers},
	{layout.Pods},
	{layout.API, layout.Bastion},
}

// arrange places the subnets in rows. It also returns where the VCN ends.
func (sc scene) arrange() (boxes map[layout.Role]box, bottom int) {
	boxes = map[layout.Role]box{}
	y, above := vcnTop+40, []layout.Role(nil)
	for _, row := range rows {
		row = slices.DeleteFunc(slices.Clone(row), func(role layout.Role) bool { return !sc.has(role) })
		if len(row) == 0 {
			continue
		}
		height := boxHeight
		for _, role := range row {
			left, right := sc.sides(role)
			height = max(height, flowsHeight(left), flowsHeight(right), 22+lineHeight*(3+len(sc.within(role))))
		}
		if len(above) > 0 {
			y += sc.gapBelow(above)
		}
		for _, role := range row {
			x, w := column(role)
			boxes[role] = box{x, y, w, height}
		}
		y += height
		above = row
	}
	return boxes, y + 24
}

func (sc scene) has(role layout.Role) bool {
	_, ok := sc.plan.Subnet(role)
	return ok
}

// gapBelow leaves room for the labels of the lanes that begin under a row.
func (sc scene) gapBelow(row []layout.Role) int {
	lines := 1
	for _, l := range lanes {
		if slices.Contains(row, l.upper) {
			lines = max(lines, len(sc.laneLabels(l)))
		}
	}
	return 28 + lines*lineHeight
}

// flowsHeight is the height of flows at one side of a box.
func flowsHeight(flows []flow) int {
	height := 8
	for _, f := range flows {
		height += f.height()
	}
	return height
}

// lines returns a flow's label.
func (f flow) lines() []string {
	var lines []string
	for _, name := range f.names {
		if len(name) > besideVCN {
			name = strings.Replace(name, " ", "\n", 1)
		}
		lines = append(lines, strings.Split(name, "\n")...)
	}
	return append(lines, wrap(f.ports, besideVCN)...)
}

// height of a flow's label, with some space below.
func (f flow) height() int { return 12 + lineHeight*len(f.lines()) }

// column returns where a role's box begins, and its width.
func column(role layout.Role) (x, boxWidth int) {
	const half, bastion = boxesWidth/2 - 8, 132
	switch role {
	case layout.PublicLoadBalancers:
		return boxesLeft, half
	case layout.InternalLoadBalancers:
		return boxesLeft + boxesWidth - half, half
	case layout.Pods:
		return boxesLeft + podsLeft, boxesWidth - podsLeft
	case layout.API:
		return boxesLeft, boxesWidth - bastion - 72
	case layout.Bastion:
		return boxesLeft + boxesWidth - bastion, bastion
	}
	return boxesLeft, boxesWidth
}

// sides divides a subnet's outside flows between the left and the right border.
func (sc scene) sides(role layout.Role) (left, right []flow) {
	for _, f := range sc.outside[role] {
		onLeft := f.inward
		switch role {
		case layout.InternalLoadBalancers, layout.Bastion, layout.Pods:
			onLeft = false
		case layout.PublicLoadBalancers, layout.API:
			onLeft = true
		}
		if onLeft {
			left = append(left, f)
		} else {
			right = append(right, f)
		}
	}
	return left, right
}

// within returns the lines in a subnet's box under its name, CIDR and kind. The bastion's box is too narrow for any.
func (sc scene) within(role layout.Role) []string {
	if role == layout.Bastion {
		return nil
	}
	var lines []string
	for _, f := range sc.inside[role] {
		names := slices.Clone(f.names)
		names[0] = map[bool]string{true: "from ", false: "to "}[f.inward] + names[0]
		names[len(names)-1] += ":"
		lines = append(append(lines, names...), wrap(f.ports, besideVCN)...)
	}
	own := sc.open(role, role)
	if len(own) == 0 {
		return lines
	}
	const words, wordsWidth, letterWidth = "among themselves:", 130, 8 // in a wide font
	line := strings.Join(own, "; ")
	if _, boxWidth := column(role); wordsWidth+letterWidth*len(line) <= boxWidth-18 {
		return append(lines, words+" "+line)
	}
	return append(append(lines, words), wrap(own, besideVCN)...)
}

// wrap breaks longer lines after a comma.
func wrap(lines []string, fits int) []string {
	var wrapped []string
	for _, line := range lines {
		for len(line) > fits {
			cut := strings.LastIndex(line[:fits], ", ")
			if cut < 0 {
				cut = strings.Index(line, ", ")
			}
			if cut < 0 {
				break
			}
			wrapped = append(wrapped, line[:cut+1])
			line = line[cut+2:]
		}
		wrapped = append(wrapped, line)
	}
	return wrapped
}

// lane is where connections between two subnets are drawn: straight down from the bottom of upper to the top of
// lower.
type lane struct {
	upper, lower layout.Role
	x            int // from the left of upper
	fits         int // letters beside it, also in a wide font
}

var lanes = []lane{
	{layout.PublicLoadBalancers, layout.Workers, 30, 24},
	{layout.InternalLoadBalancers, layout.Workers, 30, 22},
	{layout.Workers, layout.Pods, podsLeft + (boxesWidth-podsLeft)/2, 15},
	{layout.Workers, layout.API, 30, 30},
	{layout.Pods, layout.API, 20, 26},
}

func (l lane) joins(one, other layout.Role) bool {
	return l.upper == one && l.lower == other || l.upper == other && l.lower == one
}

// laneLabels returns the lines beside a lane.
func (sc scene) laneLabels(l lane) []string {
	fits := l.fits
	if l.upper == layout.PublicLoadBalancers && !sc.has(layout.InternalLoadBalancers) {
		fits *= 2 // nothing is drawn beside it
	}
	var lines []string
	add := func(arrow string, from, to layout.Role) {
		for _, line := range sc.open(from, to) {
			parts := wrap([]string{line}, fits)
			lines = append(lines, arrow+" "+parts[0])
			for _, part := range parts[1:] {
				lines = append(lines, "\u00a0\u00a0\u00a0"+part)
			}
		}
	}
	add("\u2193", l.upper, l.lower)
	add("\u2191", l.lower, l.upper)
	return lines
}

// fitsBesideBastion reports whether the ports fit between the boxes of the bastion and the API.
func fitsBesideBastion(open []string) bool { return len(open) == 1 && len(open[0]) <= 8 }

// rest returns the connections that neither a lane nor a box shows.
func (sc scene) rest() []string {
	var lines []string
	add := func(from, to string, open []string) {
		lines = append(lines, fmt.Sprintf("Also %s to %s: %s", from, to, strings.Join(open, "; ")))
	}
	for _, from := range layout.Roles {
		for _, to := range layout.Roles {
			open := sc.open(from, to)
			shown := from == to && from != layout.Bastion ||
				from == layout.Bastion && to == layout.API && fitsBesideBastion(open) ||
				slices.ContainsFunc(lanes, func(l lane) bool { return l.joins(from, to) })
			if len(open) > 0 && !shown {
				add(string(from), string(to), open)
			}
		}
	}
	for _, f := range sc.inside[layout.Bastion] {
		if other := strings.Join(f.names, " "); f.inward {
			add(other, string(layout.Bastion), f.ports)
		} else {
			add(string(layout.Bastion), other, f.ports)
		}
	}
	return wrap(lines, belowVCN)
}
