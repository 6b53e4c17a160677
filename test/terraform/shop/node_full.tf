resource "aws_appmesh_virtual_node" "cart" {
  name      = "cart"
  mesh_name = aws_appmesh_mesh.shop.name
  tags      = var.changed ? { stage = "live", new = "" } : { stage = "test", owner = "cart" }
  spec {
    backend {
      virtual_service {
        virtual_service_name = "price.shop.local"
        client_policy {
          tls {
            enforce = false
            ports   = var.changed ? [9443] : [8443, 443]
            certificate {
              file {
                certificate_chain = "/certs/client.pem"
                private_key       = "/certs/client.key"
              }
            }
            validation {
              subject_alternative_names {
                match { exact = ["z.shop.local", "a.shop.local"] }
              }
              trust {
                file { certificate_chain = "/certs/ca.pem" }
              }
            }
          }
        }
      }
    }
    backend {
      virtual_service {
        virtual_service_name = "stock.shop.local"
        client_policy {
          tls {
            certificate {
              sds { secret_name = "client" }
            }
            validation {
              trust {
                sds { secret_name = "ca" }
              }
            }
          }
        }
      }
    }
    backend {
      virtual_service {
        virtual_service_name = "alone.shop.local"
      }
    }
    backend_defaults {
      client_policy {
        tls {
          validation {
            trust {
              acm { certificate_authority_arns = ["arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/12345678-1234-1234-1234-123456789012"] }
            }
          }
        }
      }
    }
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
      connection_pool {
        http {
          max_connections      = 10
          max_pending_requests = 5
        }
      }
      health_check {
        healthy_threshold   = 2
        interval_millis     = 5000
        path                = "/ping"
        protocol            = "http"
        timeout_millis      = 2000
        unhealthy_threshold = 3
      }
      outlier_detection {
        base_ejection_duration {
          unit  = "s"
          value = 10
        }
        interval {
          unit  = "ms"
          value = 1500
        }
        max_ejection_percent = 50
        max_server_errors    = 5
      }
      timeout {
        http {
          idle {
            unit  = "s"
            value = 0
          }
          per_request {
            unit  = "ms"
            value = 250
          }
        }
      }
      tls {
        mode = "PERMISSIVE"
        certificate {
          file {
            certificate_chain = "/certs/server.pem"
            private_key       = "/certs/server.key"
          }
        }
        validation {
          subject_alternative_names {
            match { exact = ["b.shop.local", "a.shop.local"] }
          }
          trust {
            file { certificate_chain = "/certs/ca.pem" }
          }
        }
      }
    }
    listener {
      port_mapping {
        port     = 8081
        protocol = "http2"
      }
      connection_pool {
        http2 { max_requests = 100 }
      }
      health_check {
        healthy_threshold   = 2
        interval_millis     = 5000
        path                = "/ping"
        port                = 8081
        protocol            = "http2"
        timeout_millis      = 2000
        unhealthy_threshold = 3
      }
      timeout {
        http2 {
          idle {
            unit  = "s"
            value = 30
          }
        }
      }
      tls {
        mode = "STRICT"
        certificate {
          sds { secret_name = "server" }
        }
        validation {
          trust {
            sds { secret_name = "ca" }
          }
        }
      }
    }
    listener {
      port_mapping {
        port     = 8082
        protocol = "grpc"
      }
      connection_pool {
        grpc { max_requests = 7 }
      }
      health_check {
        healthy_threshold   = 2
        interval_millis     = 5000
        protocol            = "grpc"
        timeout_millis      = 2000
        unhealthy_threshold = 3
      }
      timeout {
        grpc {
          idle {
            unit  = "s"
            value = 30
          }
          per_request {
            unit  = "s"
            value = 3
          }
        }
      }
      tls {
        mode = "DISABLED"
        certificate {
          acm { certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012" }
        }
      }
    }
    listener {
      port_mapping {
        port     = var.changed ? 8084 : 8083
        protocol = "tcp"
      }
      connection_pool {
        tcp { max_connections = 3 }
      }
      health_check {
        healthy_threshold   = 2
        interval_millis     = 5000
        protocol            = "tcp"
        timeout_millis      = 2000
        unhealthy_threshold = 3
      }
      timeout {
        tcp {
          idle {
            unit  = "s"
            value = 30
          }
        }
      }
    }
    logging {
      access_log {
        file {
          path = "/dev/stdout"
          format {
            json {
              key   = "z"
              value = "%RESPONSE_CODE%"
            }
            json {
              key   = "a"
              value = "%PROTOCOL%"
            }
          }
        }
      }
    }
    service_discovery {
      dns {
        hostname      = "cart.shop.local"
        ip_preference = "IPv4_ONLY"
        response_type = "LOADBALANCER"
      }
    }
  }
}
