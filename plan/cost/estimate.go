package cost

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"oke-guestbook/plan/allowance"
)

// Row is a charge with its price.
type Row struct {
	Resource string  `json:"resource"`
	Of       string  `json:"of"`
	Part     string  `json:"part"`
	Units    float64 `json:"units"`
	Free     float64 `json:"free"` // of the units
	Price    float64 `json:"price"`
	Cost     float64 `json:"cost"`     // a month
	ListCost float64 `json:"listCost"` // if nothing were free
}

// Estimate is what a stack costs a month.
type Estimate struct {
	Stack    string      `json:"stack"`
	Currency string      `json:"currency"`
	Prices   string      `json:"prices"` // date of the list
	Rows     []Row       `json:"rows"`
	Total    float64     `json:"total"` // on an account that uses the free amounts for nothing else
	List     float64     `json:"list"`  // on an account that uses up the free amounts elsewhere
	Free     FreeAmounts `json:"freeAmounts"`
	Unpriced []string    `json:"unpriced"` // no price is known of: the totals are without
	ByUse    []string    `json:"byUse"`    // charged for by use: the totals are without
	Since    *Difference `json:"since,omitempty"`
}

// FreeAmounts say where what is free is free.
type FreeAmounts struct {
	Account    string `json:"account"`              // kind of account
	HomeRegion string `json:"homeRegion,omitempty"` // where they are free; empty if the settings name no region
	Apply      bool   `json:"apply"`                // false outside the home region
	AsOf       string `json:"asOf"`
}

// Difference is what changed since an earlier estimate of the stack.
type Difference struct {
	Revision string   `json:"revision"`
	Total    float64  `json:"total"`  // then
	Change   float64  `json:"change"` // of the total
	Rows     []Change `json:"rows"`
}

// Change is a difference in what a resource uses of a part.
type Change struct {
	Resource string  `json:"resource"`
	Of       string  `json:"of"`
	Part     string  `json:"part"`
	Change   float64 `json:"change"`
}

// New estimates what a stack costs a month. What an account has free of a part goes to the first charges of it: the
// smaller of the Always Free amount and the one that the price list gives away, where it has one. Outside the home
// region nothing is free. It fails if the list lacks a part's price.
func New(name string, s Stack, list *PriceList) (*Estimate, error) {
	e := &Estimate{
		Stack: name, Currency: list.Currency, Prices: list.Updated.Format("2006-01-02"),
		Unpriced: []string{}, ByUse: ByUse(s),
		Free: FreeAmounts{
			Account: allowance.Account, HomeRegion: cmp.Or(s.HomeRegion, s.Region), Apply: !s.away(),
			AsOf: allowance.AlwaysFree.AsOf,
		},
	}
	left := map[string]float64{}
	if e.Free.Apply {
		left = free(allowance.AlwaysFree)
	}
	for part := range left {
		if given := list.prices[part].free; given > 0 {
			left[part] = min(left[part], given)
		}
	}
	for _, c := range Charges(s) {
		if c.Part == "" {
			e.Unpriced = append(e.Unpriced, c.Resource+": "+c.Of)
			continue
		}
		p, err := list.of(c.Part)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", c.Resource, c.Of, err)
		}
		row := Row{Resource: c.Resource, Of: c.Of, Part: c.Part, Units: c.Units, Price: p.paid * c.Share}
		row.Free = min(c.Units, left[c.Part])
		left[c.Part] -= row.Free
		row.Cost, row.ListCost = (c.Units-row.Free)*row.Price, c.Units*row.Price
		e.Rows = append(e.Rows, row)
		e.Total, e.List = e.Total+row.Cost, e.List+row.ListCost
	}
	e.Total, e.List = cents(e.Total), cents(e.List)
	return e, nil
}

// cents rounds to hundredths, and half a cent up: sums of decimal fractions may be a trifle below it.
func cents(amount float64) float64 { return math.Floor(amount*100+0.5+1e-6) / 100 }

// WriteText writes the estimate as a table.
func (e *Estimate) WriteText(out io.Writer) error {
	fmt.Fprintf(out, "Stack %s, a month of %d hours in %s, list of %s\n\n", e.Stack, HoursPerMonth, e.Currency, e.Prices)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RESOURCE\tOF\tUNITS\tFREE\tPRICE\tCOST")
	for _, r := range e.Rows {
		fmt.Fprintf(table, "%s\t%s\t%v\t%v\t%v\t%.2f\n", r.Resource, r.Of, r.Units, r.Free, r.Price, cents(r.Cost))
	}
	fmt.Fprintf(table, "total\t\t\t\t\t%.2f\n", e.Total)
	if err := table.Flush(); err != nil {
		return err
	}
	home := ""
	if e.Free.HomeRegion != "" {
		home = ", " + e.Free.HomeRegion
	}
	if !e.Free.Apply {
		fmt.Fprintf(out, "\nNothing is free: the free amounts are those of the home region%s.\n", home)
	} else if e.List != e.Total {
		fmt.Fprintf(out, "\nThe free units are those of %s, in its home region%s (as of %s).\n"+
			"Without them it is %.2f, as on an account that uses them elsewhere.\n", e.Free.Account, home, e.Free.AsOf, e.List)
	}
	for _, what := range e.Unpriced {
		fmt.Fprintf(out, "Not included, as no price is known: %s\n", what)
	}
	for _, what := range e.ByUse {
		fmt.Fprintf(out, "Not included, as it depends on use: %s\n", what)
	}
	if e.Since != nil {
		return e.Since.write(out, e.Total)
	}
	return nil
}

// WriteJSON writes the estimate for programs.
func (e *Estimate) WriteJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(e)
}

// Compare notes what changed since an earlier estimate of the stack, that of a revision.
func (e *Estimate) Compare(before *Estimate, revision string) {
	e.Since = &Difference{
		Revision: revision, Total: before.Total, Change: cents(e.Total - before.Total), Rows: []Change{},
	}
	type key struct{ resource, part string }
	is, was, names := map[key]float64{}, map[key]float64{}, map[key]string{}
	var order []key
	sum := func(rows []Row, into map[key]float64) {
		for _, r := range rows {
			k := key{r.Resource, r.Part}
			if _, seen := names[k]; !seen {
				order, names[k] = append(order, k), r.Of
			}
			into[k] += r.Cost
		}
	}
	sum(e.Rows, is)
	sum(before.Rows, was)
	for _, k := range order {
		if change := cents(is[k] - was[k]); change != 0 {
			e.Since.Rows = append(e.Since.Rows, Change{k.resource, names[k], k.part, change})
		}
	}
}

// write writes the difference to an estimate with that total.
func (d *Difference) write(out io.Writer, total float64) error {
	fmt.Fprintf(out, "\nSince %s: %+.2f a month, from %.2f to %.2f\n", d.Revision, d.Change, d.Total, total)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range d.Rows {
		fmt.Fprintf(table, "  %s\t%s\t%+.2f\n", c.Resource, c.Of, c.Change)
	}
	return table.Flush()
}
