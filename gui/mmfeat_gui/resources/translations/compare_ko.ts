<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR" sourcelanguage="en_US">
<context><name></name>
  <message id="compare.accessible">
    <source>Two atlases side by side</source>
    <translation>나란히 놓은 두 아틀라스</translation>
  </message>
  <message id="compare.all">
    <source>in the SAE</source>
    <translation>SAE 전체</translation>
  </message>
  <message id="compare.axis">
    <source>modality score: share of a feature's energy from pictures</source>
    <translation>모달리티 점수: 피처의 에너지에서 그림이 차지하는 비율</translation>
  </message>
  <message id="compare.bar_tip">
    <source>{low:.2f} to {high:.2f}: {shared:,} shared, {not_shared:,} not shared, {untestable:,} untestable</source>
    <translation>{low:.2f}–{high:.2f}: 공유 {shared:,}개, 비공유 {not_shared:,}개, 검정 불가 {untestable:,}개</translation>
  </message>
  <message id="compare.bimodal">
    <source>bimodal</source>
    <translation>양쪽 모두</translation>
  </message>
  <message id="compare.colour_maps">
    <source>Colour the maps by</source>
    <translation>지도의 색 기준</translation>
  </message>
  <message id="compare.name.alive">
    <source>alive</source>
    <translation>살아 있음</translation>
  </message>
  <message id="compare.name.features">
    <source>features</source>
    <translation>피처</translation>
  </message>
  <message id="compare.name.shared">
    <source>shared</source>
    <translation>공유</translation>
  </message>
  <message id="compare.name.testable">
    <source>testable</source>
    <translation>검정 가능</translation>
  </message>
  <message id="compare.of">
    <source>{count:,} of {total:,}</source>
    <translation>{total:,}개 중 {count:,}개</translation>
  </message>
  <message id="compare.of_alive">
    <source>{count:,} of {total:,} alive</source>
    <translation>살아 있는 {total:,}개 중 {count:,}개</translation>
  </message>
  <message id="compare.open">
    <source>Open</source>
    <translation>열기</translation>
  </message>
  <message id="compare.open_tip">
    <source>Look at the features of this atlas</source>
    <translation>이 아틀라스의 피처 살펴보기</translation>
  </message>
  <message id="compare.share_axis">
    <source>of alive features</source>
    <translation>살아 있는 피처 중</translation>
  </message>
  <message id="compare.tip.alive">
    <source>Features that fire on a picture or a caption.</source>
    <translation>그림이나 캡션에 발화하는 피처.</translation>
  </message>
  <message id="compare.tip.features">
    <source>Latents of the SAE.</source>
    <translation>SAE의 잠재 변수.</translation>
  </message>
  <message id="compare.tip.shared">
    <source>Features that fire jointly on pictures and their captions in at least 70 % of the languages: q &lt;= 0.05, with a lower bound of the effect of at least 0.1.</source>
    <translation>언어의 70 % 이상에서 그림과 그 캡션에 함께 발화하는 피처: q &lt;= 0.05, 효과의 하한 0.1 이상.</translation>
  </message>
  <message id="compare.tip.testable">
    <source>Features that fire on at least 5 pictures and 5 captions of the test, in enough languages.</source>
    <translation>충분히 많은 언어에서, 테스트의 그림 5개 이상과 캡션 5개 이상에 발화하는 피처.</translation>
  </message>
  <message id="compare.title">
    <source>Choose the atlas to compare with</source>
    <translation>비교할 아틀라스 고르기</translation>
  </message>
</context>
</TS>
