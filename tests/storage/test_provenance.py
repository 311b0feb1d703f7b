"""What a number was made on."""

from types import SimpleNamespace

from catsdogs.quiet import tf
from catsdogs.storage.provenance import device_names


def test_devices_have_names(monkeypatch):
    assert "CPU" in device_names()
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda: [
        SimpleNamespace(device_type="CPU"), SimpleNamespace(device_type="GPU")])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda device: (
        {"device_name": "Tesla T4"} if device.device_type == "GPU" else {}))
    assert device_names() == ["CPU", "GPU Tesla T4"]
