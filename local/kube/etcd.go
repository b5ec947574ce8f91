package kube

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// etcdMain runs a single-member etcd until SIGTERM.
//
// It does not sync to disk: a crash of the process loses nothing, and a crash of the machine loses a local cluster
// only.
func etcdMain(args []string) error {
	flags := flag.NewFlagSet("etcd", flag.ContinueOnError)
	dir := flags.String("data-dir", "", "directory of the data")
	listen := flags.String("listen-client-url", "", "https URL for clients")
	ca := flags.String("trusted-ca-file", "", "CA of the clients")
	cert := flags.String("cert-file", "", "server certificate")
	key := flags.String("key-file", "", "server key")
	if err := flags.Parse(args); err != nil {
		return err
	}
	client, err := url.Parse(*listen)
	if err != nil {
		return err
	}
	cfg := embed.NewConfig()
	cfg.Dir = *dir
	cfg.ListenClientUrls = []url.URL{*client}
	cfg.AdvertiseClientUrls = []url.URL{*client}
	cfg.ListenPeerUrls = nil // there are no peers
	cfg.ClientTLSInfo.TrustedCAFile = *ca
	cfg.ClientTLSInfo.CertFile = *cert
	cfg.ClientTLSInfo.KeyFile = *key
	cfg.ClientTLSInfo.ClientCertAuth = true
	cfg.UnsafeNoFsync = true
	cfg.SnapshotCount = 5000
	cfg.TickMs, cfg.ElectionMs = 50, 250 // a quick election; shorter ticks would keep an idle machine busy
	cfg.BackendBatchInterval = 50 * time.Millisecond
	cfg.LogLevel = "error"
	cfg.Name = "local"
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)

	server, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	defer server.Close()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	select {
	case <-stop:
		return nil
	case err := <-server.Err():
		return err
	case <-server.Server.StopNotify():
		return fmt.Errorf("etcd stopped by itself")
	}
}
