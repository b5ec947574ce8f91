package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"oke-guestbook/plan/cost"
	"oke-guestbook/settings"
	"oke-guestbook/settings/stackfile"
)

// listTimeout is for the whole answer, of about 700 KB.
const listTimeout = 15 * time.Second

// costCommand prints what a stack costs a month.
func costCommand() *cobra.Command {
	var prices, currency, against string
	var asJSON bool
	cmd := fileCommand("cost", "Prints what a stack costs a month by Oracle's price list",
		func(cmd *cobra.Command, f file) error {
			list, err := priceList(cmd.Context(), prices, currency, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			now, err := estimate(f, list)
			if errors.Is(err, cost.ErrNoPrice) { // a list that has another form than expected
				if list, err = standIn(prices, currency, err, cmd.ErrOrStderr()); err == nil {
					now, err = estimate(f, list)
				}
			}
			if err != nil {
				return err
			}
			if against != "" {
				f.config, err = committed(cmd.Context(), f, against)
				if err != nil {
					return err
				}
				before, err := estimate(f, list)
				if err != nil {
					return fmt.Errorf("at %s: %w", against, err)
				}
				now.Compare(before, against)
			}
			if asJSON {
				return now.WriteJSON(cmd.OutOrStdout())
			}
			return now.WriteText(cmd.OutOrStdout())
		})
	flags := cmd.Flags()
	flags.StringVar(&prices, "prices", "auto",
		"price list: auto (Oracle's, or else the snapshot), snapshot, a URL or a file")
	flags.StringVar(&currency, "currency", "USD", "currency of the price list, such as KRW; the snapshot has USD")
	flags.StringVar(&against, "against", "", "Git revision to show the difference from, such as main")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func estimate(f file, list *cost.PriceList) (*cost.Estimate, error) {
	s, err := settings.LoadFile(f.project, f.stack, f.config)
	if err != nil {
		return nil, err
	}
	stack := cost.Stack{
		Cluster: s.Cluster, Guestbooks: s.Guestbooks, Region: s.Region, HomeRegion: s.HomeRegion,
	}
	if len(s.Network.FlowLogs) > 0 {
		stack.Logs = append(stack.Logs, "flow logs")
	}
	if s.ContainerLogs {
		stack.Logs = append(stack.Logs, "the containers' logs")
	}
	return cost.New(f.stack, stack, list)
}

// committed returns the stack's configuration as a Git revision has it.
func committed(ctx context.Context, f file, revision string) (map[string]any, error) {
	name := "./Pulumi." + f.stack + ".yaml"
	git := exec.CommandContext(ctx, "git", "-C", f.dir, "show", "--end-of-options", revision+":"+name)
	text, err := git.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return nil, fmt.Errorf("AGAINST: %s", strings.TrimSpace(string(failed.Stderr)))
	}
	if err != nil {
		return nil, fmt.Errorf("AGAINST: git: %w", err)
	}
	return stackfile.Parse(name, text)
}

// priceList returns the price list that is asked for, and notes when another one stands in for it.
func priceList(ctx context.Context, from, currency string, notes io.Writer) (*cost.PriceList, error) {
	if from == "snapshot" {
		if currency != "USD" {
			return nil, fmt.Errorf("the snapshot has prices in USD only, not in %s: use --prices auto", currency)
		}
		return cost.Snapshot(), nil
	}
	source := from
	if from == "auto" {
		source = cost.ListURL + currency
	}
	text, err := read(ctx, source)
	var list *cost.PriceList
	if err == nil {
		list, err = cost.ParsePriceList(text, currency)
	}
	if err != nil {
		return standIn(from, currency, err, notes)
	}
	return list, nil
}

// standIn returns the snapshot in place of Oracle's list, which cannot be used, and notes that.
func standIn(from, currency string, why error, notes io.Writer) (*cost.PriceList, error) {
	if from != "auto" || currency != "USD" {
		return nil, fmt.Errorf("%w; --prices snapshot has prices in USD", why)
	}
	list := cost.Snapshot()
	fmt.Fprintf(notes, "prices of %s are used, as Oracle's list cannot be: %v\n", list.Updated.Format(time.DateOnly), why)
	return list, nil
}

// read returns the content of a URL or a file.
func read(ctx context.Context, source string) ([]byte, error) {
	if !strings.HasPrefix(source, "http://") && !strings.HasPrefix(source, "https://") {
		return os.ReadFile(source)
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, source, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", source, response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, 64<<20))
}
