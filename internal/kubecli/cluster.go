package kubecli

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/winmatch/winmatch/internal/cli"
	"github.com/winmatch/winmatch/kube"
)

// access are the flags by which kubectl reaches a cluster.
type access struct {
	config   *genericclioptions.ConfigFlags
	all      bool
	selector string
	offline  bool
	insecure bool
}

func (a *access) flags(cmd *cobra.Command) {
	a.config = genericclioptions.NewConfigFlags(true)
	fl := cmd.Flags()
	a.config.AddFlags(fl)
	fl.BoolVarP(&a.all, "all-namespaces", "A", false, "look at all namespaces, which is the default without -n")
	fl.StringVarP(&a.selector, "selector", "l", "", "only pods with these labels: app=web,tier!=db")
	fl.BoolVar(&a.offline, "offline", false, "ask no registry: read the names of images only")
	fl.BoolVar(&a.insecure, "insecure-registry", false, "ask registries by plain HTTP")
}

// clients are the clients of a cluster.
type clients struct {
	kube     kubernetes.Interface
	metadata metadata.Interface
	server   string
	context  string
}

// unset is what client-go takes where nothing names a server.
const unset = "http://localhost:8080"

// connect makes the clients. Lists are read as protobuf, which costs the server and
// the client a fraction of JSON.
func (a *access) connect() (*clients, error) {
	config, err := a.config.ToRESTConfig()
	if err != nil {
		return nil, cli.Fail("kubectl config get-contexts lists them; --kubeconfig and --context choose", "no cluster: %s", strings.TrimSpace(err.Error()))
	}
	out := &clients{server: config.Host}
	if raw, err := a.config.ToRawKubeConfigLoader().RawConfig(); err == nil {
		out.context = raw.CurrentContext
		if len(raw.Clusters) == 0 && config.Host == unset {
			return nil, cli.Fail("--kubeconfig and --context choose one", "no cluster: there is no kubeconfig")
		}
	}
	if a.config.Context != nil && *a.config.Context != "" {
		out.context = *a.config.Context
	}
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	config.ContentType = runtime.ContentTypeProtobuf
	config.QPS = -1 // the server's own fairness holds back
	config.UserAgent = rest.DefaultKubernetesUserAgent() + " winmatch"
	if out.kube, err = kubernetes.NewForConfig(config); err != nil {
		return nil, err
	}
	out.metadata, err = metadata.NewForConfig(config)
	return out, err
}

// reader is what reads the cluster that the flags name.
func (a *access) reader(r *cli.Run, c *clients) (*kube.Reader, error) {
	out := &kube.Reader{Kube: c.kube, Metadata: c.metadata, Facts: r.Facts()}
	if a.config.Namespace != nil && *a.config.Namespace != "" {
		if a.all {
			return nil, cli.Fail("", "-n and -A exclude each other")
		}
		out.Namespaces = []string{*a.config.Namespace}
	}
	if a.selector != "" {
		s, err := labels.Parse(a.selector)
		if err != nil {
			return nil, cli.Fail("-l app=web,tier!=db", "-l %s: %v", a.selector, err)
		}
		out.Selector = s
	}
	return out, nil
}

// unreachable puts an error of the API server into words.
func unreachable(c *clients, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return cli.Fail("", "reading the cluster was given up")
	}
	hint := "kubectl cluster-info says whether kubectl reaches it"
	var op *net.OpError
	switch {
	case apierrors.IsUnauthorized(err):
		hint = "the credentials of this context are not accepted: kubectl auth whoami"
	case clientcmd.IsEmptyConfig(err):
		hint = "--kubeconfig and --context choose a cluster"
	case errors.As(err, &op):
		hint = "is this the right context (kubectl config get-contexts), and is the server up?"
	}
	return cli.Fail(hint, "%s: %s", c.server, err)
}
