package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"slices"
	"strings"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
	"oke-guestbook/settings"
	"oke-guestbook/settings/stackfile"
)

// readSettings reads the stack's configuration with its secrets, as pulumi up does, or without them from the stack's
// file if pulumi cannot.
func (v *visit) readSettings(ctx context.Context) []Result {
	var secrets []string // keys of the project's settings
	var results []Result
	config, keys, err := v.decrypted(ctx)
	if err != nil {
		config, secrets = settings.AsHanded(v.Project, v.File)
		results = append(results, v.unreadable(err))
	} else {
		secrets = keys
	}
	v.config = config
	loaded, problems := v.load(config, secrets, err == nil)
	if loaded == nil || len(problems) > 0 {
		return append(results, problems...)
	}
	v.settings = loaded
	v.plan, _ = layout.Plan(loaded.Network) // an error is a problem of the settings
	results = append(results, ok("settings of stack %s", v.Name))
	if notice := loaded.InertPolicies(); notice != "" {
		results = append(results, skipped("%s", notice))
	}
	return results
}

// load returns the settings, or what is wrong with them. Without the secrets' values it leaves out what is wrong with
// those, and reads the settings from the stack's file.
func (v *visit) load(config map[string]string, secrets []string, complete bool) (*settings.Settings, []Result) {
	loaded, err := settings.Load(v.Project, v.Name, config, func(key string) bool {
		setting, _, _ := strings.Cut(strings.TrimPrefix(key, v.Project+":"), "[")
		return slices.Contains(secrets, setting) && !stackfile.Clear(v.File, key)
	})
	results := settingsAtFault(err, func(p problem.Problem) bool {
		return complete || !slices.ContainsFunc(secrets, func(key string) bool { return strings.HasPrefix(p.Key, key) })
	})
	if err != nil && len(results) == 0 {
		loaded, err = settings.LoadFile(v.Project, v.Name, v.File)
		results = settingsAtFault(err, func(problem.Problem) bool { return true })
	}
	return loaded, results
}

// settingsAtFault returns the problems of an error of package settings, which has only such, as findings.
func settingsAtFault(err error, counts func(problem.Problem) bool) (results []Result) {
	var list *problem.Error
	if errors.As(err, &list) {
		for _, p := range list.Problems {
			if counts(p) {
				results = append(results, badSetting(p.Key, p))
			}
		}
	}
	return results
}

// decrypted asks pulumi for the stack's configuration. The keys are those of the project's settings that hold secrets.
func (v *visit) decrypted(ctx context.Context) (config map[string]string, secrets []string, err error) {
	text, err := v.output(ctx, "pulumi", "config", "--stack", v.Name, "--show-secrets", "--json", "--non-interactive")
	if err != nil {
		return nil, nil, err
	}
	var values map[string]struct {
		Value  string `json:"value"` // JSON of an object
		Secret bool   `json:"secret"`
	}
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		return nil, nil, err
	}
	config = map[string]string{}
	for key, v2 := range values {
		config[key] = v2.Value
		if own, is := strings.CutPrefix(key, v.Project+":"); is && v2.Secret {
			secrets = append(secrets, own)
		}
	}
	return config, secrets, nil
}

// unreadable explains why pulumi does not show the stack's configuration.
func (v *visit) unreadable(err error) Result {
	text := firstLine(err)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return skipped("secrets of the settings: the command pulumi is not on PATH")
	case strings.Contains(text, "no stack named"):
		return failed("pulumi knows no stack %s yet", v.Name).do("pulumi stack init %s", v.Name)
	case strings.Contains(err.Error(), "PULUMI_ACCESS_TOKEN") || strings.Contains(err.Error(), "pulumi login"):
		return failed("pulumi is not logged in to a backend").
			do("pulumi login, or PULUMI_BACKEND_URL; pulumi login --local keeps the state on this machine")
	case strings.Contains(err.Error(), "passphrase"):
		return failed("pulumi cannot decrypt the stack's secrets: %s", text).
			do("set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE")
	}
	return failed("pulumi config: %s", text).
		do("pulumi config --stack %s says the same: mend the backend, the secrets provider or the stack's file", v.Name)
}
