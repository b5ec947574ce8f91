package agents

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	"k8s.io/kubernetes/pkg/kubelet/apis/config/validation"
	"k8s.io/kubernetes/pkg/kubelet/cadvisor"
	"k8s.io/kubernetes/pkg/kubelet/kubeletconfig/configfiles"
	utilfs "k8s.io/kubernetes/pkg/util/filesystem"

	"oke-guestbook/local/dataplane/worker/capacity"
)

// kubelet runs the kubelet until SIGTERM. It has the flags of Kubernetes' command, which cannot be used as it is: the
// capacity of the node is that of the shape, which may exceed this machine's, and what other programs take of this
// machine must not evict Pods.
func kubelet(ctx context.Context, args []string) error {
	kubeletFlags := options.NewKubeletFlags()
	flags := pflag.NewFlagSet(KubeletName, pflag.ContinueOnError)
	kubeletFlags.AddFlags(flags)
	shown := &capacity.Machine{}
	flags.IntVar(&shown.CPUs, "capacity-cpus", 0, "number of CPUs that the node shows; 0: the machine's")
	flags.Uint64Var(&shown.Memory, "capacity-memory", 0, "bytes of memory that the node shows; 0: the machine's")
	flags.Uint64Var(&shown.Disk.Bytes, "capacity-disk", 0, "bytes that the node's file system holds")
	flags.StringVar(&shown.Disk.Dir, "disk", "", "directory of all that is on the node's file system")
	if err := flags.Parse(args); err != nil {
		return err
	}
	config, err := loadConfig(ctx, kubeletFlags.KubeletConfigFile)
	if err != nil {
		return err
	}
	s := &options.KubeletServer{KubeletFlags: *kubeletFlags, KubeletConfiguration: *config}
	deps, err := app.UnsecuredDependencies(ctx, s, utilfeature.DefaultFeatureGate)
	if err != nil {
		return err
	}
	shown.Measured = config.CgroupsPerQOS
	shown.Interface, err = cadvisor.New(
		klog.FromContext(ctx), cadvisor.NewImageFsInfoProvider(s.ContainerRuntimeEndpoint), s.RootDirectory,
		[]string{"/"}, cadvisor.UsingLegacyCadvisorStats(s.ContainerRuntimeEndpoint), s.LocalStorageCapacityIsolation,
	)
	if err != nil {
		return fmt.Errorf("cAdvisor: %w", err)
	}
	deps.CAdvisorInterface = shown
	return app.Run(ctx, s, deps, utilfeature.DefaultFeatureGate)
}

// loadConfig reads the configuration file, and sets feature gates and logging as it says.
func loadConfig(ctx context.Context, path string) (*kubeletconfig.KubeletConfiguration, error) {
	loader, err := configfiles.NewFsLoader(&utilfs.DefaultFs{}, path)
	if err != nil {
		return nil, err
	}
	config, err := loader.Load(ctx)
	if err != nil {
		return nil, err
	}
	if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(config.FeatureGates); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	logs.InitLogs()
	if err := logsapi.ValidateAndApply(&config.Logging, utilfeature.DefaultFeatureGate); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := validation.ValidateKubeletConfiguration(config, utilfeature.DefaultFeatureGate); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return config, nil
}
