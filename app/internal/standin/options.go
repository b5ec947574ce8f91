package standin

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// flags are the options of mongod that the stand-in takes (MongoDB manual, "mongod").
type flags struct {
	dbPath  string // --dbpath, default /data/db
	port    int    // --port, default 27017
	bindIP  string // --bind_ip, comma-separated, default localhost
	bindAll bool   // --bind_ip_all
	set     string // --replSet, default none: a standalone server
	keyFile string // --keyFile; turns authentication on
	auth    bool   // --auth
	tlsMode string // --tlsMode: disabled or requireTLS
	tlsFile string // --tlsCertificateKeyFile: certificate and key in PEM
	cacheGB float64
}

// parse reads the arguments after the name of the program. It refuses what mongod refuses.
func parse(args []string) (flags, error) {
	o := flags{}
	set := flag.NewFlagSet("mongod", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&o.dbPath, "dbpath", "/data/db", "")
	set.IntVar(&o.port, "port", 27017, "")
	set.StringVar(&o.bindIP, "bind_ip", "localhost", "")
	set.BoolVar(&o.bindAll, "bind_ip_all", false, "")
	set.StringVar(&o.set, "replSet", "", "")
	set.StringVar(&o.keyFile, "keyFile", "", "")
	set.BoolVar(&o.auth, "auth", false, "")
	set.StringVar(&o.tlsMode, "tlsMode", "disabled", "")
	set.StringVar(&o.tlsFile, "tlsCertificateKeyFile", "", "")
	set.Float64Var(&o.cacheGB, "wiredTigerCacheSizeGB", 0.25, "") // checked, not used
	if err := set.Parse(args); err != nil {
		return o, fmt.Errorf("%w (the stand-in takes a few of mongod's options only)", err)
	}
	switch {
	case set.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", set.Arg(0))
	case o.cacheGB < 0.25 || o.cacheGB > 10000:
		return o, fmt.Errorf("--wiredTigerCacheSizeGB %v: mongod takes 0.25 to 10000", o.cacheGB)
	case o.tlsMode != "disabled" && o.tlsMode != "requireTLS":
		return o, fmt.Errorf("--tlsMode %s: the stand-in takes disabled and requireTLS", o.tlsMode)
	case (o.tlsMode == "requireTLS") != (o.tlsFile != ""):
		return o, errors.New("--tlsMode requireTLS and --tlsCertificateKeyFile go together")
	}
	o.auth = o.auth || o.keyFile != ""
	return o, nil
}

func (o flags) addresses() []string {
	hosts := strings.Split(o.bindIP, ",")
	if o.bindAll {
		hosts = []string{"0.0.0.0"}
	}
	for i, host := range hosts {
		hosts[i] = net.JoinHostPort(strings.TrimSpace(host), strconv.Itoa(o.port))
	}
	return hosts
}

var base64Text = regexp.MustCompile(`^[A-Za-z0-9+/=]*$`)

// key returns what the members of a replica set know, or "" without a key file.
func (o flags) key() (string, error) {
	if o.keyFile == "" {
		return "", nil
	}
	info, err := os.Stat(o.keyFile)
	if err != nil {
		return "", fmt.Errorf("--keyFile: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("permissions on %s are too open: mongod wants 0400 or 0600", o.keyFile)
	}
	content, err := os.ReadFile(o.keyFile)
	if err != nil {
		return "", fmt.Errorf("--keyFile: %w", err)
	}
	key := strings.Join(strings.Fields(string(content)), "")
	if len(key) < 6 || len(key) > 1024 || !base64Text.MatchString(key) {
		return "", fmt.Errorf("--keyFile %s: mongod wants 6 to 1024 characters of base64", o.keyFile)
	}
	return key, nil
}
