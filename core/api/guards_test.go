package api

import (
	"fmt"
	"testing"
)

func TestDeleteGuards(t *testing.T) {
	s := newServer(t)
	shop(s)
	in := fmt.Sprint(member(s.get("meshes/shop/virtualGateway/front/gatewayRoutes/in").ok(), "metadata", "uid"))

	const mesh = "Mesh shop for account 123456789012 has active %[1]s, please delete %[1]s before deleting the Mesh"
	services, nodes := fmt.Sprintf(mesh, "VirtualServices"), fmt.Sprintf(mesh, "VirtualNodes")
	routers, gateways := fmt.Sprintf(mesh, "VirtualRouters"), fmt.Sprintf(mesh, "VirtualGateways")
	const cart, direct = "VirtualNode with name cart cannot be deleted because it is ", "VirtualNode with name direct cannot be deleted because it is "

	refused := func(path, message string) {
		t.Helper()
		before := s.generation("shop")
		s.delete(path).fails(resourceInUse, message)
		if after := s.generation("shop"); after != before {
			t.Errorf("%s: a refused deletion moved the mesh from %d to %d", path, before, after)
		}
	}
	refused("meshes/shop", services)
	refused("meshes/shop/virtualNodes/cart", cart+"the target of one or more routes.")
	refused("meshes/shop/virtualNodes/direct", direct+"a VirtualService provider")
	refused("meshes/shop/virtualRouters/cart-vr", "VirtualRouter with name cart-vr cannot be deleted because it has Routes")
	refused("meshes/shop/virtualServices/cart.shop.local", "VirtualService cart.shop.local is being referenced in the following: GATEWAY_ROUTE: ["+in+"]")
	refused("meshes/shop/virtualGateways/front", "VirtualGateway with name front cannot be deleted because it has GatewayRoutes")

	s.delete("meshes/shop/virtualRouter/cart-vr/routes/cart").ok()
	s.delete("meshes/shop/virtualNodes/cart").ok()
	refused("meshes/shop/virtualRouters/cart-vr", "VirtualRouter with name cart-vr cannot be deleted because it is a VirtualService provider")
	s.delete("meshes/shop/virtualGateway/front/gatewayRoutes/in").ok()
	s.delete("meshes/shop/virtualServices/cart.shop.local").ok()
	s.delete("meshes/shop/virtualServices/direct.shop.local").ok()
	refused("meshes/shop", nodes)
	s.delete("meshes/shop/virtualNodes/direct").ok()
	refused("meshes/shop", routers)
	s.delete("meshes/shop/virtualRouters/cart-vr").ok()
	refused("meshes/shop", gateways)
	s.delete("meshes/shop/virtualGateways/front").ok()
	s.delete("meshes/shop").ok()
}

func TestUpdatesMoveTheGuards(t *testing.T) {
	s := newServer(t)
	shop(s)
	s.put("meshes/shop/virtualNodes", nodeBody("cart2")).ok()
	// A route that goes over to another target frees the first and holds the second.
	s.put("meshes/shop/virtualRouter/cart-vr/routes/cart", `{"spec":`+routeSpec("cart2", 0)+`}`).ok()
	s.delete("meshes/shop/virtualNodes/cart").ok()
	s.delete("meshes/shop/virtualNodes/cart2").failsWith(resourceInUse)
	// A service without its provider frees that.
	s.put("meshes/shop/virtualServices/direct.shop.local", `{"spec":{}}`).ok()
	s.delete("meshes/shop/virtualNodes/direct").ok()
	// The service that the gateway route no longer targets is free, the other one is held.
	s.put("meshes/shop/virtualGateway/front/gatewayRoutes/in",
		`{"spec":{"httpRoute":{"match":{"prefix":"/"},"action":{"target":{"virtualService":{"virtualServiceName":"direct.shop.local"}}}}}}`).ok()
	s.delete("meshes/shop/virtualServices/cart.shop.local").ok()
	s.delete("meshes/shop/virtualServices/direct.shop.local").failsWith(resourceInUse)
}

func TestBackendsHoldNothing(t *testing.T) {
	s := newServer(t)
	shop(s)
	// A backend may name what is not there, and what it names can go.
	s.put("meshes/shop/virtualNodes", `{"virtualNodeName":"ui","spec":{"backends":[{"virtualService":{"virtualServiceName":"direct.shop.local"}},{"virtualService":{"virtualServiceName":"later"}}]}}`).ok()
	s.delete("meshes/shop/virtualServices/direct.shop.local").ok()
}

func TestGuardNamesAFewGatewayRoutes(t *testing.T) {
	s := newServer(t)
	shop(s)
	s.put("meshes/shop/virtualServices", `{"virtualServiceName":"busy","spec":{}}`).ok()
	want := "VirtualService busy is being referenced in the following: GATEWAY_ROUTE: ["
	for i := range maxNamed + 2 {
		created := s.put("meshes/shop/virtualGateway/front/gatewayRoutes", gatewayRouteBody(fmt.Sprintf("r%d", i), "busy")).ok()
		if i < maxNamed {
			if i > 0 {
				want += ", "
			}
			want += fmt.Sprint(member(created, "metadata", "uid"))
		}
	}
	s.delete("meshes/shop/virtualServices/busy").fails(resourceInUse, want+"]")
}
