// Package simulate says what a change of a cluster's Windows nodes would do to its
// workloads: which keep running, which fail, which find no room.
//
// # What a change is
//
// The nodes of a pool get another Windows or another runtime, nodes come, nodes go,
// images are replaced: see [Change]. A node of the pool stands for the one that
// takes its place: it keeps its name, taints, labels and size; its Windows, its
// runtime and the labels that tell them are new (the kubelet's windows-build, and
// osbuild and those of kubectl winmatch label where the node has them), it holds no
// images, is ready, and takes pods. A label of the user's own that names a version
// stays as it is, and is reported.
//
// # What happens to pods
//
// Pods on nodes that change or go are made anew by their owners, and those that
// wait now are tried again. A DaemonSet has a pod on each node that its own
// controller's rule says, static pods stay with their node, and a pod that nobody
// controls is lost. All other pods stay where they are.
//
// # Where they go
//
// The scheduler's own framework and plugins, those of its default profile, filter
// and score the nodes of a snapshot: resources, selectors, affinity, taints, ports,
// spreading, volumes. The rules are Kubernetes', not ours; what is ours is the
// order of the queue: by priority, then by age. Where a pod finds no room, the
// scheduler's preemption says which pods of lower priority are evicted for it; these
// are made anew in their turn. Of nodes on which as much would be lost the first by
// name is taken. A pod whose template has a nodeName asks no scheduler; its node's
// kubelet refuses it where there is no room. As the scheduler scores a part of a big
// cluster's nodes only, so does this: 100 of them.
//
// Where the scheduler could put a pod elsewhere as well, the node that it picks is
// luck. So an [Outcome] rests on every node on which a workload may be put, in the
// changed cluster before any pod has moved, at the moment its pods are placed, or
// with the pods that it must be near wherever these may be: a workload runs if all
// of these nodes run it, fails if none does, and is at risk if some do not. Only compat decides what runs, by [kube.Judge].
//
// # What the scheduler was like
//
// A cluster does not tell how its scheduler is configured, and pods may name
// another one. Both are simulated by the default profile of Kubernetes 1.37; pods
// of another scheduler are named in the notes. Extenders and dynamic resources are
// not simulated.
//
// # On the way
//
// What is told is where pods are in the end. How a pool is drained is not told: a
// PodDisruptionBudget can delay that, or hold it up, and changes nothing of where
// pods may be. Nor are nodes added that an autoscaler would add, which may help pods
// that are pending: --add says what they would do.
//
// # k8s.io/kubernetes as a dependency
//
// Its go.mod requires the modules of its staging folder at v0.0.0, which are not
// published, and counts on replacements, which a program that go install can fetch
// must not have. Since the module graph is pruned (Go 1.17), it is enough that
// this module requires each of them at the version that belongs to that release;
// staging.go keeps those that no package needs.
package simulate
