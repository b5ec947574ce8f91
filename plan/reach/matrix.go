package reach

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"oke-guestbook/plan/layout"
)

// Matrix holds who can open what to whom, for every pair of ends.
type Matrix struct {
	Ends     []End
	Openings map[[2]End][]Opening // by from and to; none includes another
}

// otherHosts names the row and the column of the VCN's hosts outside the stack's subnets.
const otherHosts = "other hosts"

// Matrix evaluates every pair of these ends: the internet, Oracle's services, peers, the stack's subnets, the VCN's
// other hosts, and the networks in the rules that may belong to an existing VCN.
func (n Network) Matrix() Matrix {
	others := n.VCN()
	others.Name = otherHosts
	ends := slices.Concat(n.Outside(), n.Subnets(), []End{others})
	for _, role := range layout.Roles {
		for _, rule := range n.Rules[role] {
			end, err := n.Parse(rule.Peer)
			if err == nil && end.Place == PerhapsInVCN && !slices.Contains(ends, end) {
				ends = append(ends, end)
			}
		}
	}
	m := Matrix{ends, map[[2]End][]Opening{}}
	for _, from := range ends {
		for _, to := range ends {
			m.Openings[[2]End{from, to}] = Widest(n.Openings(from, to))
		}
	}
	return m
}

// String draws the matrix as a table: a row for each end that opens connections, a column for each that accepts them.
func (m Matrix) String() string {
	header := [][]string{{"from \\ to"}}
	for _, end := range m.Ends {
		header = append(header, []string{end.Name})
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 1, ' ', 0)
	writeRow(w, header)
	for _, from := range m.Ends {
		writeRow(w, make([][]string, len(header))) // becomes a line between the rows
		row := [][]string{{from.Name}}
		for _, to := range m.Ends {
			row = append(row, m.cell(from, to))
		}
		writeRow(w, row)
	}
	w.Flush() // a strings.Builder takes everything
	var text strings.Builder
	for line := range strings.Lines(table.String()) {
		if strings.Trim(line, " |\n") == "" {
			line = strings.NewReplacer(" ", "-", "|", "+").Replace(line)
		}
		fmt.Fprintln(&text, strings.TrimRight(line, " \n"))
	}
	return text.String()
}

// writeRow writes cells of one or more lines side by side.
func writeRow(w io.Writer, cells [][]string) {
	height := 1
	for _, cell := range cells {
		height = max(height, len(cell))
	}
	for i := range height {
		for column, cell := range cells {
			if column > 0 {
				fmt.Fprint(w, "| ")
			}
			if i < len(cell) {
				fmt.Fprint(w, cell[i])
			}
			fmt.Fprint(w, "\t")
		}
		fmt.Fprintln(w)
	}
}

// cell describes what from may open to to, a line for each opening.
func (m Matrix) cell(from, to End) []string {
	var lines []string
	for _, o := range m.Openings[[2]End{from, to}] {
		line := o.Service.String()
		if o.From != from.Prefix {
			line += " from " + o.From.String()
		}
		if o.To != to.Prefix {
			line += " to " + o.To.String()
		}
		if o.Reply {
			line += ", answers"
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return []string{"-"}
	}
	return lines
}
