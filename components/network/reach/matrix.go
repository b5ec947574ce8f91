package reach

import (
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/components/network/layout"
)

// Matrix is who can open what to whom, between every two named ends.
type Matrix struct {
	Ends  []End
	Cells map[[2]string][]string // by names of from and to: what is open, in words, without doubles
}

// Matrix evaluates every pair of named ends of which one lies in the VCN.
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
	for _, from := range m.Ends {
		for _, to := range m.Ends {
			m.Cells[[2]string{from.Name, to.Name}] = Words(n.Openings(from, to), from)
		}
	}
	return m
}

// Words says what the openings let through, widest first, and leaves out what a wider one includes.
func Words(openings []Opening, from End) []string {
	var words []string
	for i, o := range openings {
		if slices.ContainsFunc(openings[:i], o.within) || slices.ContainsFunc(openings[i+1:], func(wide Opening) bool { return o.within(wide) && !wide.within(o) }) {
			continue
		}
		text := o.Summary()
		if o.From != from.Prefix {
			text += " from " + o.From.String()
		}
		if o.Answer {
			text += ", answers"
		}
		words = append(words, text)
	}
	return words
}

// within reports whether wide lets through everything that o does.
func (o Opening) within(wide Opening) bool {
	if o.From != wide.From && !(wide.From.IsValid() && o.From.IsValid() && layout.Within(o.From, wide.From)) ||
		o.To != wide.To && !(wide.To.IsValid() && o.To.IsValid() && layout.Within(o.To, wide.To)) {
		return false
	}
	if wide.Protocol == "all" {
		return true
	}
	return o.Protocol == wide.Protocol && o.Ports.Min >= wide.Ports.Min && o.Ports.Max <= wide.Ports.Max &&
		(wide.ICMP == nil || o.ICMP != nil && *o.ICMP == *wide.ICMP)
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
	return fmt.Sprintf("VCN %s. Connections may be opened from the row to the column; answers follow by themselves.\n"+
		"%q is every address outside; %q are Oracle's services. icmp 3/4 is path MTU discovery, and\n"+
		"where it says answers, about connections that the column has opened.\n", n.Plan.VCN, Internet, layout.OSN)
}
