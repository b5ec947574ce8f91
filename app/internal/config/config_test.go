package config

import (
	"crypto/tls"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The defaults documented in README.md are those of Load with nothing but the database set.
func TestDefaults(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	rows := regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| ([^|]+) \\|")
	for _, row := range rows.FindAllStringSubmatch(string(readme), -1) {
		if value := strings.Trim(row[2], "`"); value != row[2] && !strings.HasPrefix(value, "~") {
			documented[row[1]] = value
		} else {
			documented[row[1]] = "" // described in words: required, none, depends on the language
		}
	}

	const uri = "mongodb://mongo"
	read := map[string]string{}
	c, err := Load(func(key string) string {
		read[key] = ""
		return map[string]string{"MONGODB_URI": uri}[key]
	})
	if err != nil {
		t.Fatal(err)
	}
	// The chores': their errors name what is required.
	getenv := func(key string) string { read[key] = ""; return "" }
	_, _ = LoadProbe(getenv)
	setup, _ := LoadSetup(getenv)
	backup, _ := LoadBackup(getenv)
	_, _ = LoadMeasure(getenv)
	if c.MongoURI != uri || len(c.TrustedProxies) > 0 {
		t.Errorf("MONGODB_URI %q, TRUSTED_PROXIES %v", c.MongoURI, c.TrustedProxies)
	}
	for key, value := range map[string]any{
		"LISTEN_ADDRESS": c.Listen, "METRICS_ADDRESS": c.Metrics,
		"MONGODB_DATABASE": c.MongoDatabase, "MONGODB_USERNAME": c.MongoUser, "MONGODB_PASSWORD_FILE": c.MongoPassFile,
		"MONGODB_AUTH_SOURCE": c.MongoAuthSource, "MONGODB_TIMEOUT": c.MongoTimeout,
		"MONGODB_MAX_CONNECTIONS": c.MongoConnections,
		"TLS_MINIMUM_VERSION":     strings.Replace(tls.VersionName(c.TLSMinimum), " ", "v", 1),
		"TITLE":                   c.Title, "PAGE_SIZE": c.PageSize, "TIME_ZONE": c.TimeZone,
		"SIGNS_PER_MINUTE": c.SignsPerMinute, "READS_PER_SECOND": c.ReadsPerSecond,
		"DRAIN_DELAY": c.DrainDelay, "SHUTDOWN_TIMEOUT": c.ShutdownTimeout, "LOG_LEVEL": strings.ToLower(c.LogLevel.String()),
		"MONGODB_ROOT_USERNAME": setup.RootUser, "BACKUP_USERNAME": setup.BackupUser, "SETUP_TIMEOUT": setup.Timeout,
		"BACKUP_KEEP_DAYS": backup.KeepDays, "BACKUP_TIMEOUT": backup.Timeout,
		"OCI_AUTH": backup.Auth, "OCI_CONFIG_PROFILE": backup.ConfigProfile,
	} {
		read[key] = fmt.Sprint(value)
	}
	if !maps.Equal(read, documented) {
		t.Errorf("defaults\n%v\nREADME.md\n%v", read, documented)
	}

	// OCI's load balancer removes a backend after 3 failed health checks at intervals of 10 s.
	if c.DrainDelay <= 3*10*time.Second {
		t.Errorf("DRAIN_DELAY %v: the load balancer still sends requests when the server stops", c.DrainDelay)
	}
}

func TestMeasureSettings(t *testing.T) {
	good := map[string]string{
		"MONGODB_URI": "mongodb://mongo:27017", "METRIC_STACK": "s", "METRIC_GUESTBOOK": "g",
		"METRIC_COMPARTMENT": "ocid1.compartment.oc1..c", "FRONTEND_URL": "http://guestbook/readyz",
		"OCI_REGION": "us-ashburn-1",
	}
	for key, bad := range map[string]string{
		"": "", "METRIC_STACK": "", "METRIC_GUESTBOOK": "", "METRIC_COMPARTMENT": "", "FRONTEND_URL": "guestbook",
		"OCI_REGION": "", "OCI_AUTH": "key", "CERTIFICATE_EXPIRES": "tomorrow", "BACKUP_INTERVAL": "1s",
		"MONITORING_ENDPOINT": "http://a/path", "CERTIFICATES_ENDPOINT": "http://a/path",
	} {
		env := maps.Clone(good)
		env[key] = bad
		_, err := LoadMeasure(func(key string) string { return env[key] })
		if (err == nil) != (key == "") || key != "" && !strings.HasPrefix(err.Error(), key) {
			t.Errorf("%s %q: error %v", key, bad, err)
		}
	}
}
