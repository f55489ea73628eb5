package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/winmatch/winmatch/internal/render"
	"github.com/winmatch/winmatch/winver"
)

func (a *app) hostCommand() *cobra.Command {
	var docker bool
	var node, edition string
	cmd := &cobra.Command{
		Use:   "host [TEXT|FILE|-]",
		Short: "Which Windows is this?",
		Long: `Which Windows is this? TEXT is a name or a raw text in which a Windows version
is printed: the output of ver, systeminfo (in any language), winver,
Get-ComputerInfo, docker info, docker version, kubectl get nodes or kubectl
describe node, a BuildLab, a runner label, a node image's name. Several hosts in
one text give several answers. Without TEXT it is this machine, on Windows.`,
		Example: `  winmatch host "Microsoft Windows [Version 10.0.20348.2227]"
  systeminfo | winmatch host -
  kubectl get nodes -o wide | winmatch host - -o json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return failf("put a text with blanks in quotes", "one TEXT, FILE or - is wanted, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.host(cmd.Context(), docker, node, edition, args)
		},
	}
	cmd.Flags().BoolVar(&docker, "docker", false, "ask the Docker engine")
	cmd.Flags().StringVar(&node, "node", "", "ask the Kubernetes node `NAME`, by kubectl")
	cmd.Flags().StringVar(&edition, "edition", "", "server or client, where the text does not say")
	return cmd
}

func (a *app) host(ctx context.Context, docker bool, node, edition string, args []string) error {
	if err := a.form("text", "json"); err != nil {
		return err
	}
	var hosts []winver.Host
	var err error
	switch {
	case docker && node != "":
		return failf("", "--docker and --node exclude each other")
	case (docker || node != "") && len(args) > 0:
		return failf("", "--docker or --node and a text exclude each other")
	case docker:
		e, err := askDocker(ctx)
		if err != nil {
			return err
		}
		h, err := e.host(a.facts)
		if err != nil {
			return err
		}
		hosts = append(hosts, h)
	case node != "":
		if hosts, err = a.askNodeHost(ctx, node); err != nil {
			return err
		}
	case len(args) == 0:
		h, err := thisMachine(a.facts)
		if err != nil {
			return failf(`give its text: ver | winmatch host - on the Windows machine, winmatch host "10.0.20348.2227", or --docker`, "%v", err)
		}
		hosts = append(hosts, h)
	default:
		if hosts, err = a.hosts(args); err != nil {
			return err
		}
	}
	if hosts, err = settleRuntimes(hosts, true); err != nil {
		return err
	}
	if err := setEdition(a.facts, hosts, edition); err != nil {
		return err
	}
	list := make([]render.HostFound, 0, len(hosts))
	names := make([]string, 0, len(hosts))
	for _, h := range hosts {
		list = append(list, render.HostFound{Host: hostValue(h), Confidence: h.Confidence, Evidence: h.Evidence})
		names = append(names, hostName(a.facts, h))
	}
	if a.output == "json" {
		return render.JSON(a.stdout, list)
	}
	render.HostsText(a.stdout, list, names, a.style())
	return nil
}

// readBounded reads a text of at most winver.MaxText bytes.
func readBounded(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, winver.MaxText+1))
	if err == nil && len(b) > winver.MaxText {
		err = fmt.Errorf("the text is larger than %d MiB", winver.MaxText>>20)
	}
	return b, err
}
