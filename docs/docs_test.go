// Package docs_test checks what the documentation says about the tests.
package docs_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"oke-guestbook/plan/allowance"
	"oke-guestbook/plan/cluster"
)

// rows are the numbered findings, by list, that oracle-cloud.md has to give a verdict on. The lists leave numbers out.
var rows = map[string]struct {
	last    int
	without []int
}{
	"A":   {20, []int{16}},
	"B":   {13, []int{6, 9}},
	"C1.": {10, nil},
	"C3.": {13, nil},
	"F":   {47, []int{18, 21}},
}

func TestEveryFindingHasAVerdict(t *testing.T) {
	claims, earlier, _ := strings.Cut(read(t, "oracle-cloud.md"), "\n## At the commit of the findings\n")
	earlier, held, _ := strings.Cut(earlier, "\n## Held before\n")
	checkRows(t, "with a verdict", rowsOf(claims+held))
	cases, reasons, _ := strings.Cut(earlier, "\nThe other rows, and why they have no case:\n")
	checkRows(t, "with a case of commit 2cd911c, or a reason for none", rowsOf(cases+reasons))
	for _, row := range rowsOf(cases) {
		if slices.Contains(rowsOf(reasons), row) {
			t.Errorf("oracle-cloud.md has a case of row %s, and a reason for none", row)
		}
	}
	source := read(t, "../local/e2e/earlier_test.go")
	var run []string
	for _, match := range regexp.MustCompile(`\{rows: "([^"]*)"`).FindAllStringSubmatch(source, -1) {
		run = append(run, match[1])
	}
	slices.Sort(run)
	run = slices.Compact(run) // two cases may be of one row
	documented := labelsOf(cases)
	slices.Sort(documented)
	if !slices.Equal(run, documented) {
		t.Errorf("TestEarlierProgram has cases of\n%q, the document\n%q", run, documented)
	}
}

// rowNames match a finding, or a range of one list: A1, C1.2, F28 to F43.
var rowNames = regexp.MustCompile(`([A-F](?:\d+\.)?)(\d+)(?: to [A-F](?:\d+\.)?(\d+))?`)

// rowsIn returns the findings that a text names.
func rowsIn(text string) (named []string) {
	for _, match := range rowNames.FindAllStringSubmatch(text, -1) {
		first, _ := strconv.Atoi(match[2])
		last, err := strconv.Atoi(match[3])
		if err != nil {
			last = first
		}
		for n := first; n <= last; n++ {
			named = append(named, fmt.Sprint(match[1], n))
		}
	}
	return named
}

func TestRowsIn(t *testing.T) {
	want := []string{"A9", "C1.2", "C3.9", "C3.10", "C3.11", "F28", "F45", "F46"}
	if got := rowsIn("A9, C1.2, C3.9 to C3.11, F28, F45 to F46 (retry)"); !slices.Equal(got, want) {
		t.Errorf("rows are %q", got)
	}
}

// labelsOf returns the first column of a text's tables, where it names findings.
func labelsOf(text string) (labels []string) {
	for line := range strings.Lines(text) {
		if cells := strings.Split(line, "|"); len(cells) > 2 && rowNames.MatchString(cells[1]) {
			labels = append(labels, strings.TrimSpace(cells[1]))
		}
	}
	return labels
}

// rowsOf returns the findings in the first column of a text's tables.
func rowsOf(text string) []string { return rowsIn(strings.Join(labelsOf(text), ", ")) }

// checkRows compares rows with the findings.
func checkRows(t *testing.T, what string, named []string) {
	t.Helper()
	for list, numbers := range rows {
		for n := 1; n <= numbers.last; n++ {
			row := fmt.Sprint(list, n)
			if has := slices.Contains(named, row); has == slices.Contains(numbers.without, n) {
				t.Errorf("oracle-cloud.md has row %s %s: %t", row, what, has)
			}
		}
	}
}

// TestNamedTestsExist looks for each test that a document names, in all modules.
func TestNamedTestsExist(t *testing.T) {
	exists := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			for _, match := range declared.FindAllStringSubmatch(read(t, path), -1) {
				exists[match[1]] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := filepath.Glob("decisions/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range append(documents, decisions...) {
		for _, name := range regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(read(t, document), -1) {
			if !exists[name] {
				t.Errorf("%s names %s, which does not exist", document, name)
			}
		}
	}
}

// figures match amounts that Oracle changes: those of the Always Free allowance, and prices.
var figures = func() *regexp.Regexp {
	free := allowance.AlwaysFree
	return regexp.MustCompile(fmt.Sprintf(
		`\b(%v[\s-]OCPUs?|(%v|%v|%v)[\s-]GB|%v[\s-]Mbps|\d[\d.,]* USD|one A1 node)\b|\bA1 노드 하나`,
		free.OCPUs, free.MemoryGB, free.BlockVolumeGB, free.ObjectStorageGB, free.LoadBalancerMbps,
	))
}()

// passages separate paragraphs, items of lists, rows of tables, and descriptions of settings.
var passages = regexp.MustCompile(`\n\s*\n|\n *[|-] |\n +description: `)

// dates match when a source was read or written.
var dates = regexp.MustCompile(`\b20\d\d-\d\d|[a-z] 20\d\d\b|\b20\d\d년`)

// undated returns the figures of a text whose passages have no date.
func undated(text string) (all []string) {
	for _, passage := range passages.Split(text, -1) {
		if !dates.MatchString(passage) {
			all = append(all, figures.FindAllString(passage, -1)...)
		}
	}
	return all
}

func TestUndated(t *testing.T) {
	const text = `A 10 Mbps load balancer is free
of charge, for 2
OCPUs. A disk of 50 GB is not.

A node costs 0.03 USD (read 2026-11-29).

| a row | 12 GB |
| another, of November 2026 | 200 GB |
- one A1 node
`
	want := []string{"10 Mbps", "2\nOCPUs", "12 GB", "one A1 node"}
	if got := undated(text); !slices.Equal(got, want) {
		t.Errorf("undated figures %q, want %q", got, want)
	}
}

// TestFiguresAreTheProgram looks for amounts that a document repeats by hand. Those of the program are in plan, with
// date and source. Findings and measurements, which are of their date, have documents of their own.
func TestFiguresAreTheProgram(t *testing.T) {
	free := allowance.AlwaysFree
	example := cluster.CheckShape(free.Shape, free.OCPUs, 200).Error() // in README.md
	var documents []string
	for _, pattern := range []string{"../README*.md", "*.md", "../Pulumi*.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		documents = append(documents, found...)
	}
	for _, document := range documents {
		text := read(t, document)
		if strings.HasPrefix(document, "../README") && !strings.Contains(text, example) {
			t.Errorf("%s lacks the error %q", document, example)
		}
		if document == "oracle-cloud.md" || document == "benchmarks.md" {
			continue
		}
		for _, figure := range undated(strings.ReplaceAll(text, example, "")) {
			t.Errorf("%s has %q, without a date in its passage", document, figure)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
