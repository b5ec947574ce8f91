package main

import (
	_ "github.com/oracle/oci-go-sdk/v65/common"
	_ "github.com/pulumi/pulumi-go-provider"
	_ "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	_ "go.etcd.io/etcd/server/v3/embed"
	_ "k8s.io/client-go/dynamic"
	_ "k8s.io/kubernetes/cmd/kube-apiserver/app"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	_ "k8s.io/kubernetes/cmd/kube-scheduler/app"
	_ "sigs.k8s.io/cli-utils/pkg/kstatus/status"
	_ "sigs.k8s.io/kwok/pkg/kwok/controllers"
)

func main() {}
