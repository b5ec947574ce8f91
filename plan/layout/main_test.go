package layout

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// Properties are checked on thousands of plans unless -rapid.checks says otherwise.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "5000"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Exit(m.Run())
}
