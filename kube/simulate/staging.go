//go:build staging

package simulate

// k8s.io/kubernetes requires its staging modules at v0.0.0, which does not exist;
// the go.mod of this module names the real ones. go mod tidy would drop those of
// which no package is needed, and go list -m all would then ask for v0.0.0. This
// file, which is never built, keeps them.
import (
	_ "k8s.io/cluster-bootstrap"
	_ "k8s.io/cri-api"
	_ "k8s.io/cri-client/pkg/util"
	_ "k8s.io/cri-streaming"
	_ "k8s.io/endpointslice/util"
	_ "k8s.io/externaljwt"
	_ "k8s.io/kube-aggregator/pkg/apis/apiregistration"
	_ "k8s.io/kube-controller-manager"
	_ "k8s.io/kube-proxy"
	_ "k8s.io/kubectl"
	_ "k8s.io/metrics"
	_ "k8s.io/mount-utils"
	_ "k8s.io/pod-security-admission"
	_ "k8s.io/sample-apiserver/pkg/apis/wardle"
)
