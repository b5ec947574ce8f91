package flowlog

import (
	"bytes"
	"net/netip"
	"os"
	"testing"
	"time"

	"oke-guestbook/local/cloud"
)

var (
	network = cloud.Network{
		Subnets: []cloud.Subnet{{ID: "s", Name: "workers", FlowLog: true}},
		VNICs:   []cloud.VNIC{{ID: "v", SubnetID: "s"}},
	}
	noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
)

func dropped(at time.Duration, port uint16) cloud.Flow {
	return cloud.Flow{
		Time: noon.Add(at), VNICID: "v", Ingress: true, Protocol: 6, Packets: 1, Bytes: 60, Missing: "a rule",
		Source:      netip.AddrPortFrom(netip.MustParseAddr("10.0.0.9"), port),
		Destination: netip.MustParseAddrPort("10.0.1.2:80"),
	}
}

func mustOpen(t *testing.T, dir string) *Log {
	t.Helper()
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func records(t *testing.T, l *Log) []Record {
	t.Helper()
	all, err := l.Records(noon, noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestARecordIsAFlowInAMinute(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	for _, flow := range []cloud.Flow{
		dropped(time.Second, 1000), dropped(2*time.Second, 1000), dropped(3*time.Second, 1001),
		dropped(61*time.Second, 1000),
	} {
		if err := l.Add([]cloud.Flow{flow}, network, flow.Time); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, l *Log) {
		t.Helper()
		all := records(t, l)
		if len(all) != 3 {
			t.Fatalf("%s: %d records, want 3: %+v", when, len(all), all)
		}
		first := all[0]
		if first.Packets != 2 || first.Bytes != 120 || first.Last != noon.Add(2*time.Second) ||
			first.Subnet != "workers" || first.SubnetID != "s" || !first.Logged || first.Missing != "a rule" {
			t.Errorf("%s: record %+v", when, first)
		}
	}
	check("while it is open", l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	check("after a restart", mustOpen(t, dir))
	if got, err := l.Records(noon.Add(2*time.Second), noon.Add(61*time.Second)); err != nil || len(got) != 1 {
		t.Errorf("of a part of the time: %+v, %v", got, err)
	}
}

func TestALineThatAKillHasCutIsLeftOut(t *testing.T) {
	l := mustOpen(t, t.TempDir())
	if err := os.WriteFile(l.path(false), []byte(`{"Time":"2026-11-28T12:0`), 0o600); err != nil {
		t.Fatal(err)
	}
	for minute := range 2 {
		flow := dropped(time.Duration(minute)*time.Minute, 1)
		if err := l.Add([]cloud.Flow{flow}, network, flow.Time.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if got := records(t, l); len(got) != 2 {
		t.Errorf("%d records, want 2", len(got))
	}
}

func TestTheFilesStaySmall(t *testing.T) {
	l := mustOpen(t, t.TempDir())
	const full = maxBytes + 1024 // lines that are no records
	for _, path := range []string{l.path(false), l.older(false)} {
		line := append(bytes.Repeat([]byte(" "), 1023), '\n')
		if err := os.WriteFile(path, bytes.Repeat(line, full/1024), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Add([]cloud.Flow{dropped(0, 1)}, network, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	accepted := dropped(0, 2)
	accepted.Accepted = true
	if err := l.Add([]cloud.Flow{accepted}, network, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := records(t, l); len(got) != 2 {
		t.Errorf("%d records, want 2", len(got))
	}
	info, err := os.Stat(l.path(false))
	if err != nil || info.Size() > 1000 {
		t.Errorf("the newer file: %v, %v", info, err)
	}
	if info, err := os.Stat(l.older(false)); err != nil || info.Size() != full {
		t.Errorf("the older file: %v, %v", info, err)
	}
}
