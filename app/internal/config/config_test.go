package config

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What README.md says of the environment is what a program is told with nothing set but the database.
func TestDefaults(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| ([^|]+) \\|").FindAllStringSubmatch(string(readme), -1) {
		if value := strings.Trim(row[2], "`"); value != row[2] {
			documented[row[1]] = value
		} else {
			documented[row[1]] = "" // in words: required, none, or what the reader's language says
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
	if c.MongoURI != uri || len(c.TrustedProxies) > 0 {
		t.Errorf("MONGODB_URI %q, TRUSTED_PROXIES %v", c.MongoURI, c.TrustedProxies)
	}
	for key, value := range map[string]any{
		"LISTEN_ADDRESS": c.Listen, "METRICS_ADDRESS": c.Metrics,
		"MONGODB_DATABASE": c.MongoDatabase, "MONGODB_USERNAME": c.MongoUser, "MONGODB_PASSWORD_FILE": c.MongoPassFile,
		"MONGODB_AUTH_SOURCE": c.MongoAuthSource, "MONGODB_TIMEOUT": c.MongoTimeout, "MONGODB_MAX_CONNECTIONS": c.MongoConnections,
		"TITLE": c.Title, "PAGE_SIZE": c.PageSize, "TIME_ZONE": c.TimeZone,
		"SIGNS_PER_MINUTE": c.SignsPerMinute, "READS_PER_SECOND": c.ReadsPerSecond,
		"DRAIN_DELAY": c.DrainDelay, "SHUTDOWN_TIMEOUT": c.ShutdownTimeout, "LOG_LEVEL": strings.ToLower(c.LogLevel.String()),
	} {
		read[key] = fmt.Sprint(value)
	}
	if !maps.Equal(read, documented) {
		t.Errorf("the defaults are\n%v\nand README.md says\n%v", read, documented)
	}

	// OCI's load balancer takes a backend out after 3 failed checks 10 s apart.
	if c.DrainDelay <= 3*10*time.Second {
		t.Errorf("DRAIN_DELAY of %v: the load balancer still sends visitors", c.DrainDelay)
	}
}
