package reach

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"oke-guestbook/plan/layout"
)

// Matrix is who can open what to whom, between every two named ends.
type Matrix struct {
	Ends  []End
	Cells map[[2]string][]string // by names of from and to: what is open, in words, without doubles
}

// otherHosts names the row and the column of the VCN's hosts outside the stack's subnets.
const otherHosts = "other hosts"

// Matrix evaluates every pair of named ends, the VCN's other hosts and what else may lie in the VCN among them.
func (n Network) Matrix() Matrix {
	m := Matrix{Cells: map[[2]string][]string{}}
	names := n.Names()
	for _, peer := range n.Peers {
		names = append(names, peer.String())
	}
	for _, name := range names {
		if end, err := n.Parse(name); err == nil {
			m.Ends = append(m.Ends, end)
		}
	}
	others := n.VCN()
	others.Name = otherHosts
	m.Ends = append(m.Ends, others)
	for _, role := range layout.Roles {
		for _, rule := range n.Rules[role] {
			end, err := n.Parse(rule.Peer)
			if err == nil && end.where == maybeInVCN && !slices.Contains(m.Ends, end) {
				m.Ends = append(m.Ends, end)
			}
		}
	}
	for _, from := range m.Ends {
		for _, to := range m.Ends {
			m.Cells[[2]string{from.Name, to.Name}] = Words(n.Openings(from, to), from, to)
		}
	}
	return m
}

// Words says what the openings let through, and for which part of the ends.
func Words(openings []Opening, from, to End) []string {
	var words []string
	for _, o := range Widest(openings) {
		text := o.Summary()
		if o.From != from.Prefix {
			text += " from " + o.From.String()
		}
		if o.To != to.Prefix {
			text += " to " + o.To.String()
		}
		if o.Answer {
			text += ", answers"
		}
		words = append(words, text)
	}
	return words
}

// Widest leaves out what another opening includes.
func Widest(openings []Opening) []Opening {
	var widest []Opening
	for i, o := range openings {
		if slices.ContainsFunc(openings[:i], o.within) || slices.ContainsFunc(openings[i+1:], func(wide Opening) bool { return o.within(wide) && !wide.within(o) }) {
			continue
		}
		widest = append(widest, o)
	}
	return widest
}

// within reports whether wide lets through everything that o does.
func (o Opening) within(wide Opening) bool {
	return partWithin(o.From, wide.From) && partWithin(o.To, wide.To) && wide.rule().Covers(*o.rule())
}

// partWithin takes Oracle's services, which have no prefix, for a part of themselves.
func partWithin(inner, outer netip.Prefix) bool {
	return inner == outer || inner.IsValid() && outer.IsValid() && layout.Within(inner, outer)
}

// String draws the matrix as a table: a row for who opens, a column for who is opened to.
func (m Matrix) String() string {
	headers := []string{"from \\ to"}
	for _, end := range m.Ends {
		headers = append(headers, end.Name)
	}
	rows := [][][]string{}
	for _, from := range m.Ends {
		row := [][]string{{from.Name}}
		for _, to := range m.Ends {
			cell := m.Cells[[2]string{from.Name, to.Name}]
			if len(cell) == 0 {
				cell = []string{"-"}
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return table(headers, rows)
}

func table(headers []string, rows [][][]string) string {
	widths := make([]int, len(headers))
	for i, header := range headers {
		widths[i] = len(header)
		for _, row := range rows {
			for _, line := range row[i] {
				widths[i] = max(widths[i], len(line))
			}
		}
	}
	var text strings.Builder
	line := func(cells func(i int) string) {
		var parts []string
		for i, width := range widths {
			parts = append(parts, fmt.Sprintf("%-*s", width, cells(i)))
		}
		fmt.Fprintln(&text, strings.TrimRight(strings.Join(parts, " | "), " "))
	}
	rule := func() { line(func(i int) string { return strings.Repeat("-", widths[i]) }) }
	line(func(i int) string { return headers[i] })
	for _, row := range rows {
		rule()
		height := 0
		for _, cell := range row {
			height = max(height, len(cell))
		}
		for l := range height {
			line(func(i int) string {
				if l < len(row[i]) {
					return row[i][l]
				}
				return ""
			})
		}
	}
	return text.String()
}

// Legend says what the matrix leaves unsaid.
func (n Network) Legend() string {
	text := fmt.Sprintf("VCN %s. Connections may be opened from the row to the column; answers follow by themselves.\n"+
		"%q is every address outside; %q are Oracle's services; %q are those of the VCN outside\n"+
		"these subnets. icmp 3/4 is path MTU discovery, and where it says answers, about connections that\n"+
		"the column has opened.\n", n.Plan.VCN, Internet, layout.OSN, otherHosts)
	if n.Plan.ExistingVCN != "" {
		text += "A private network that is no peer may lie in another CIDR of the VCN: what is said of it holds if so.\n"
	}
	return text
}
