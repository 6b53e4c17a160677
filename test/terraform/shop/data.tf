data "aws_appmesh_mesh" "shop" {
  name = aws_appmesh_mesh.shop.name
}

data "aws_appmesh_virtual_node" "cart" {
  name      = aws_appmesh_virtual_node.cart.name
  mesh_name = aws_appmesh_mesh.shop.name
}

data "aws_appmesh_virtual_router" "price" {
  name      = aws_appmesh_virtual_router.price.name
  mesh_name = aws_appmesh_mesh.shop.name
}

data "aws_appmesh_virtual_service" "price" {
  name      = aws_appmesh_virtual_service.price.name
  mesh_name = aws_appmesh_mesh.shop.name
}

data "aws_appmesh_route" "http" {
  name                = aws_appmesh_route.http.name
  mesh_name           = aws_appmesh_mesh.shop.name
  virtual_router_name = aws_appmesh_virtual_router.price.name
}

data "aws_appmesh_virtual_gateway" "front" {
  name      = aws_appmesh_virtual_gateway.front.name
  mesh_name = aws_appmesh_mesh.shop.name
}

data "aws_appmesh_gateway_route" "all" {
  name                 = aws_appmesh_gateway_route.all.name
  mesh_name            = aws_appmesh_mesh.shop.name
  virtual_gateway_name = aws_appmesh_virtual_gateway.front.name
}

# Whether each data source says what its resource says.
output "same" {
  value = {
    for kind, pair in {
      mesh            = [data.aws_appmesh_mesh.shop, aws_appmesh_mesh.shop]
      virtual_node    = [data.aws_appmesh_virtual_node.cart, aws_appmesh_virtual_node.cart]
      virtual_router  = [data.aws_appmesh_virtual_router.price, aws_appmesh_virtual_router.price]
      virtual_service = [data.aws_appmesh_virtual_service.price, aws_appmesh_virtual_service.price]
      route           = [data.aws_appmesh_route.http, aws_appmesh_route.http]
      virtual_gateway = [data.aws_appmesh_virtual_gateway.front, aws_appmesh_virtual_gateway.front]
      gateway_route   = [data.aws_appmesh_gateway_route.all, aws_appmesh_gateway_route.all]
    } :
    kind => pair[0].arn == pair[1].arn && jsonencode(pair[0].spec) == jsonencode(pair[1].spec) && (var.sts == "" || pair[0].tags == pair[1].tags_all)
  }
}
