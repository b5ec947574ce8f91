package cluster

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"oke-guestbook/plan/setting"
)

// bootScript is what cloud-init runs on a node. It is OKE's own script, and oci-growfs before it: a node's root file
// system has about 38 GB, however large the boot volume is, until it is grown, and the kubelet reads its size when it
// starts (Oracle documentation, "Using Custom Cloud-init Initialization Scripts to Set Up Managed Nodes", example 5,
// and known issue "automatic boot volume expansion" of images from 1130 on; both as of September 2026).
const bootScript = `#!/bin/bash
curl --fail -H "Authorization: Bearer Oracle" -L0 ` +
	`http://169.254.169.254/opc/v2/instance/metadata/oke_init_script | base64 --decode >/var/run/oke-init.sh
bash /usr/libexec/oci-growfs -y
bash /var/run/oke-init.sh`

// maxUserData is the largest size of a node's user_data in bytes. An instance's metadata may have 32000 together (API
// reference, LaunchInstanceDetails). OKE's own entries, whose size is not documented, have the other half.
const maxUserData = 16000

// UserData returns the pool's user_data: what cloud-init runs on each node at its first boot, in base64. The pool's
// own cloud-init comes after the boot script.
func (p *NodePool) UserData() string {
	text := bootScript
	if len(p.Taints) > 0 { // keys and values have no character that a shell reads in quotes
		text += ` --kubelet-extra-args "--register-with-taints=` + strings.Join(p.Taints, ",") + `"`
	}
	text += "\n"
	if p.CloudInit != "" {
		text = multipartUserData(text, p.CloudInit)
	}
	return base64.StdEncoding.EncodeToString([]byte(text))
}

// multipartUserData joins the parts in the MIME format of cloud-init, which runs scripts in this order. The same parts
// give the same text.
func multipartUserData(parts ...string) string {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	boundary := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(parts, "\n"))))
	// A write to a buffer does not fail, and neither does a boundary of hexadecimal digits.
	_ = w.SetBoundary(boundary)
	for _, part := range parts {
		kind := "text/x-shellscript"
		if strings.HasPrefix(part, cloudConfig) {
			kind = "text/cloud-config"
		}
		header := textproto.MIMEHeader{}
		header.Set("Content-Type", kind+`; charset="utf-8"`)
		pw, _ := w.CreatePart(header)
		_, _ = pw.Write([]byte(part))
	}
	_ = w.Close()
	return "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"" + boundary + "\"\n\n" + body.String()
}

// newUserData reports what of a running pool's user_data an update changes: the taints, the pool's own cloud-init, or
// nothing but the program's script, as a new release of the program may.
func (p *NodePool) newUserData(now string) (taints, cloudInit, script bool) {
	if now == p.UserData() {
		return false, false, false
	}
	text, _ := base64.StdEncoding.DecodeString(now) // what is no base64 has neither
	taints = registered(text) != strings.Join(p.Taints, ",")
	cloudInit = bytes.HasPrefix(text, []byte("MIME-Version:"))
	if p.CloudInit != "" { // as the parts are written
		cloudInit = !bytes.Contains(text, []byte("\r\n\r\n"+p.CloudInit+"\r\n--"))
	}
	return taints, cloudInit, !taints && !cloudInit
}

// cloudConfig is the first line of a cloud-config document.
const cloudConfig = "#cloud-config"

var cloudInit = setting.Func("a script that begins with #!, or a document that begins with #cloud-config",
	func(text string) error {
		first, _, _ := strings.Cut(text, "\n")
		switch {
		case strings.TrimSpace(first) == cloudConfig:
			return checkCloudConfig(text)
		case !strings.HasPrefix(first, "#!"):
			return fmt.Errorf("begins with %.40q; the program passes on only a script, which begins with #! and an "+
				"interpreter, or a document that begins with a line %s", first, cloudConfig)
		case strings.Contains(text, "\r\n"):
			return errors.New("has line ends of Windows, which a shell on Linux does not read")
		}
		return checkInterpreter(strings.Fields(strings.TrimPrefix(first, "#!")))
	})

// checkInterpreter refuses what runs no script: the kernel takes the path of a program, and env alone prints variables.
func checkInterpreter(words []string) error {
	switch {
	case len(words) == 0:
		return errors.New("names no interpreter after #!, such as #!/bin/bash")
	case !strings.Contains(words[0], "/"):
		return fmt.Errorf("names the interpreter %s without its path: write #!/usr/bin/env %s", words[0], words[0])
	case len(words) == 1 && path.Base(words[0]) == "env":
		return fmt.Errorf("names no interpreter after %s, such as bash", words[0])
	}
	return nil
}

// checkCloudConfig returns an error unless a cloud-config document is YAML with keys, without which cloud-init ignores
// it (cloud-init documentation, "Cloud config data"; not run).
func checkCloudConfig(text string) error {
	var document yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(&document); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("is not YAML, which %s needs: %w", cloudConfig, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s is more than one document of YAML, and cloud-init reads none of them then", cloudConfig)
	}
	for _, content := range document.Content {
		if content.Kind != yaml.MappingNode {
			return fmt.Errorf("%s needs keys with values, such as runcmd", cloudConfig)
		}
		for i := 0; i+1 < len(content.Content); i += 2 {
			if err := checkModule(content.Content[i].Value, content.Content[i+1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkModule returns an error about the value of a key of a cloud-config document that its module of cloud-init fails
// for (cloud-init, config/schemas/schema-cloud-config-v1.json, and util.py, shellify; not run).
func checkModule(key string, value *yaml.Node) error {
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	isList, isObject := value.Kind == yaml.SequenceNode, value.Kind == yaml.MappingNode
	switch {
	case value.Tag == "!!null":
	case slices.Contains(commands, key) && !isList:
		return fmt.Errorf("%s must be a list of commands, such as [ls]", key)
	case slices.Contains(lists, key) && !isList:
		return fmt.Errorf("%s must be a list", key)
	case slices.Contains(objects, key) && !isObject:
		return fmt.Errorf("%s must have keys with values", key)
	case slices.Contains(commands, key):
		for i, one := range value.Content {
			text := one.Tag == "!!str" || one.Tag == "!!null" || one.Kind == yaml.SequenceNode || one.Kind == yaml.AliasNode
			if !text {
				return fmt.Errorf("%s[%d], line %d, is no command: write a text, in quotes if it has a colon and a blank, or a "+
					"list of texts", key, i, one.Line)
			}
		}
	case key == "write_files":
		for i, one := range value.Content {
			if one.Kind == yaml.MappingNode && !hasKey(one, "path") || one.Kind == yaml.ScalarNode {
				return fmt.Errorf("%s[%d], line %d, needs a path", key, i, one.Line)
			}
		}
	}
	return nil
}

func hasKey(object *yaml.Node, key string) bool {
	for i := 0; i < len(object.Content); i += 2 {
		if object.Content[i].Value == key || object.Content[i].Value == "<<" {
			return true
		}
	}
	return false
}

// lists and objects are keys whose values are only that.
var (
	lists   = []string{"fs_setup", "mounts", "write_files"}
	objects = []string{"chpasswd", "disk_setup", "ntp", "power_state", "yum_repos"}
)

// commands are the keys whose values cloud-init makes a shell script of (cloud-init, cc_runcmd and cc_bootcmd).
var commands = []string{"bootcmd", "runcmd"}

// checkUserData returns an error unless the pool's user_data fits an instance's metadata.
func (p *NodePool) checkUserData() error {
	if n := len(p.UserData()); n > maxUserData {
		return fmt.Errorf("makes %d bytes of user_data with OKE's own script and the encoding; at most %d fit",
			n, maxUserData)
	}
	return nil
}
