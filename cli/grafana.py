"""`minmai grafana publish`: bring Grafana in line with the plan, and say how it differs first."""

from cli.paths import plan_folder
from services.board.grafana.client import Grafana
from services.board.grafana.declared import declare
from services.board.grafana.publish import Step, steps
from services.board.grafana.settings import GrafanaSettings
from services.platform.plan import load_plan
from services.platform.settings import load

_ACTIONS = {
    "create": "新建 create ",
    "update": "修改 update ",
    "rewrite": "重写 rewrite",
    "delete": "删除 delete ",
}
_KINDS = {
    "folder": "文件夹 folder",
    "data source": "数据源 data source",
    "contact point": "联络点 contact point",
    "notification policy": "通知策略 notification policy",
    "alert rule": "告警规则 alert rule",
    "dashboard": "仪表盘 dashboard",
    "rule group": "规则组 rule group",
}


def publish(*, dry_run: bool) -> None:
    """Print what differs, then set it right; with `dry_run` only print.

    Raises SettingsError, PlanError, and GrafanaError for whatever Grafana does not do.
    """
    settings = load(GrafanaSettings)
    plan = load_plan(plan_folder())
    grafana = Grafana(settings)
    version = grafana.check()
    organisation, name = grafana.organisation()
    declared = declare(plan, settings, organisation)
    wanted = steps(grafana, declared)
    print(f"{settings.grafana_url}  Grafana {version}  {name}")
    print(
        f"{declared.name}: {len(declared.rules)} 条告警规则 alert rules, "
        f"{len(declared.dashboards)} 个仪表盘 dashboards"
    )
    for step in wanted:
        _show(step)
        if not dry_run:
            step.run()
    changes = sum(step.action != "rewrite" for step in wanted)
    if dry_run:
        print(f"{changes} 处不同，未作改动 · {changes} differences, nothing was changed")
    elif changes:
        print(f"{changes} 处已更新 · {changes} changes made")
    else:
        print("与声明一致 · as declared, nothing to change")


def _show(step: Step) -> None:
    hidden = "（含密码，无法比较 · holds a secret, cannot be compared）" if step.action == "rewrite" else ""
    print(f"  {_ACTIONS[step.action]}  {_KINDS[step.kind]}  {step.name}{hidden}")
    for line in step.why:
        print(f"        {line}")
