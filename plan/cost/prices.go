package cost

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ListURL is Oracle's public price list. It needs no account; the query sets the currency.
const ListURL = "https://apexapps.oracle.com/pls/apex/cetools/api/v1/products/?currencyCode="

// PriceList is what Oracle charges for a unit of each part.
type PriceList struct {
	Currency string    // such as "USD"
	Updated  time.Time // by Oracle
	prices   map[string]price
}

// price is that of a unit beyond those that the list gives away each month.
type price struct {
	paid float64
	free float64 // units a month
}

// snapshot has the parts that a stack can use, in the form of the price list: from public copies of the list, the
// newest of 4 October 2026. The list itself was not read.
//
//go:embed prices.json
var snapshot []byte

// Snapshot is the price list of a fixed date, in USD.
func Snapshot() *PriceList {
	list, err := ParsePriceList(snapshot, "USD")
	if err != nil {
		panic(err) // the file is a part of the program
	}
	return list
}

// ParsePriceList reads the answer of ListURL. It fails if the answer has another form, or no prices in the currency.
func ParsePriceList(text []byte, currency string) (*PriceList, error) {
	var answer struct {
		LastUpdated string
		Items       []struct {
			PartNumber                string
			CurrencyCodeLocalizations []struct {
				CurrencyCode string
				Prices       []tier
			}
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("the price list has another form than expected: %w", err)
	}
	updated, err := time.Parse(time.RFC3339, answer.LastUpdated)
	if err != nil {
		return nil, fmt.Errorf("the price list has another form than expected: lastUpdated: %w", err)
	}
	list := &PriceList{Currency: currency, Updated: updated, prices: map[string]price{}}
	for _, item := range answer.Items {
		for _, in := range item.CurrencyCodeLocalizations {
			if in.CurrencyCode != currency {
				continue
			}
			if p, ok := payAsYouGo(in.Prices); ok {
				list.prices[item.PartNumber] = p
			}
		}
	}
	if len(list.prices) == 0 {
		return nil, fmt.Errorf("the price list has no prices in %s", currency)
	}
	return list, nil
}

// tier is a price of the units of a month from RangeMin on. Lists have the tiers in any order.
type tier struct {
	Model    string
	Value    *float64
	RangeMin float64
}

// payAsYouGo returns the price of the last tier, and how many units are free before.
func payAsYouGo(tiers []tier) (p price, ok bool) {
	last, start := -1.0, -1.0
	for _, t := range tiers {
		if t.Model != "PAY_AS_YOU_GO" || t.Value == nil {
			continue
		}
		if t.RangeMin > last {
			last, p.paid, ok = t.RangeMin, *t.Value, true
		}
		if *t.Value > 0 && (start < 0 || t.RangeMin < start) {
			start = t.RangeMin
		}
	}
	p.free = max(0, start)
	return p, ok
}

// ErrNoPrice is the error of a list that lacks a part.
var ErrNoPrice = errors.New("the price list has no price")

// of returns the price of a part.
func (l *PriceList) of(part string) (price, error) {
	p, ok := l.prices[part]
	if !ok {
		return p, fmt.Errorf("%w of part %s in %s", ErrNoPrice, part, l.Currency)
	}
	if p.paid <= 0 {
		return p, fmt.Errorf("%w above 0 of part %s", ErrNoPrice, part)
	}
	return p, nil
}
