// The last hour in a line as high as two lines of text. Decoration: value and change stand beside it in words.
const W = 100;
const H = 28;

export function sparkPath(values: readonly number[]): string {
  if (values.length < 2 || !values.every(Number.isFinite)) return `M0 ${H - 1}H${W}`;
  const min = Math.min(...values);
  const range = Math.max(...values) - min;
  const x = (i: number) => ((i * W) / (values.length - 1)).toFixed(1);
  const y = (v: number) => (range === 0 ? H - 1 : H - 1 - ((v - min) / range) * (H - 3)).toFixed(1);
  return values.map((v, i) => `${i === 0 ? "M" : "L"}${x(i)} ${y(v)}`).join("");
}

export function Spark({ values }: { values: readonly number[] }) {
  const path = sparkPath(values);
  return (
    <svg className="spark" viewBox={`0 0 ${W} ${H}`} preserveAspectRatio="none" aria-hidden="true" focusable="false">
      {values.length > 1 && <path className="spark-area" d={`${path}V${H}H0Z`} />}
      <path className={values.length > 1 ? "spark-line" : "spark-none"} d={path} />
    </svg>
  );
}
