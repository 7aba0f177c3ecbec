# SPDX-License-Identifier: Apache-2.0
"""Helpers shared by the Python tests. Nothing here is a test."""
