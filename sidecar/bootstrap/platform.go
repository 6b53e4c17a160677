package bootstrap

import (
	"google.golang.org/protobuf/types/known/structpb"
)

// Platform is where a proxy runs, as App Mesh's proxies told it in their node's metadata. Only what is known is told.
type Platform struct {
	KubernetesVersion string
	PodUID            string
	ControllerVersion string // of the App Mesh controller
	ContainerInstance string // ARN of the ECS container instance
	FIPS              bool
}

// metadata gives App Mesh's names and shape.
func (p Platform) metadata() (map[string]*structpb.Value, error) {
	info := map[string]any{}
	kubernetes := map[string]any{}
	for name, value := range map[string]string{
		"k8sVersion": p.KubernetesVersion, "podUid": p.PodUID, "appMeshControllerVersion": p.ControllerVersion,
	} {
		if value != "" {
			kubernetes[name] = value
		}
	}
	if len(kubernetes) > 0 {
		info["k8sPlatformInfo"] = kubernetes
	}
	if p.ContainerInstance != "" {
		info["ecsPlatformInfo"] = map[string]any{"ecsContainerInstanceArn": p.ContainerInstance}
	}
	if p.FIPS {
		info["fipsModeEnabled"] = true
	}
	if len(info) == 0 {
		return map[string]*structpb.Value{}, nil
	}
	v, err := structpb.NewValue(info)
	if err != nil {
		return nil, err // a name that is not UTF-8
	}
	return map[string]*structpb.Value{"aws.appmesh.platformInfo": v}, nil
}

func structOf(name string, value *structpb.Value) *structpb.Value {
	return structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{name: value}})
}
