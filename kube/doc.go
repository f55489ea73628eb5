// Package kube reads a Kubernetes cluster and finds where Windows versions do
// not fit: nodes, pods that failed or wait, pods that may.
//
// [Reader.Read] reads a [Cluster]: what is needed of nodes, pods, workloads and
// warnings, page by page, and nothing else is kept. What may not be read is
// listed as [Unseen], and the rest is judged. [Doctor.Examine] turns a cluster
// into a [Report]. Only compat decides whether an image runs on a node, only
// diagnose reads an error; this package brings the two together.
//
// # Where a pod may run
//
// Which nodes a pod may be put on is decided by the scheduler's own helpers
// (k8s.io/component-helpers): nodeSelector, required node affinity, taints and
// tolerations, and a runtime class's selector and tolerations. See [Spec.Admits].
//
//   - Resources, spreading and affinity to other pods are left out: they say
//     where a pod goes today, not where it may go.
//   - Taints that Kubernetes sets and lifts by itself (not ready, no memory, no
//     disk) are left out too. A cordoned node takes no pods.
//   - spec.os places nothing: the scheduler does not look at it, and the kubelet
//     of the wrong system refuses the pod.
//     https://kubernetes.io/docs/concepts/workloads/pods/#pod-os
//   - A pod that nobody controls stays on its node.
//
// # What is in an image
//
// The name is read first; where it does not say, the registry is asked with the
// pull secrets of the pod and of its service account, as the kubelet would, then
// with the user's own credentials. See [Images]. A container that runs on a node
// is evidence that its image runs on that build, and outweighs a prediction. What
// nobody knows stays unknown.
package kube
