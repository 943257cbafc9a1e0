"""Grafana: what minmai declares there, compared with what is there, and brought in line."""
